// The AWS SDK for JavaScript: node javascript_program.mjs MODULES URL VERB ARGUMENT..., which prints JSON or bytes.
// MODULES: the folder above node_modules.

import { createReadStream, openSync, readFileSync, readSync, statSync, writeFileSync, appendFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, endpoint, verb, ...words] = process.argv.slice(2);
const load = createRequire(`${modules}/package.json`);
const sdk = load("@aws-sdk/client-s3");
const s3 = new sdk.S3({ endpoint, region: "cn-bj", forcePathStyle: true, maxAttempts: 1 });

async function uploadIds(Bucket, Key) {
  const { Uploads } = await s3.listMultipartUploads({ Bucket, Prefix: Key });
  return (Uploads ?? []).map((each) => each.UploadId);
}

const verbs = {
  make: (Bucket) => s3.createBucket({ Bucket }),

  async put(Bucket, path, ...keys) {
    for (const Key of keys) await s3.putObject({ Bucket, Key, Body: readFileSync(path) });
  },

  async get(Bucket, ...pairs) {
    while (pairs.length) {
      const [Key, path] = pairs.splice(0, 2);
      writeFileSync(path, await (await s3.getObject({ Bucket, Key })).Body.transformToByteArray());
    }
  },

  async span(Bucket, Key, first, last) {
    const { Body } = await s3.getObject({ Bucket, Key, Range: `bytes=${first}-${last}` });
    process.stdout.write(await Body.transformToByteArray());
  },

  async finish(Bucket, Key, path) {
    const { ETag } = await s3.headObject({ Bucket, Key });
    const Range = `bytes=${statSync(path).size}-`;
    const { Body } = await s3.getObject({ Bucket, Key, Range, IfMatch: ETag });
    appendFileSync(path, await Body.transformToByteArray());
  },

  copy: (Bucket, key, Key) => s3.copyObject({ Bucket, Key, CopySource: `${Bucket}/${encodeURIComponent(key)}` }),

  async list(Bucket, Prefix) {
    const found = { keys: [], folders: [] };
    for await (const page of sdk.paginateListObjectsV2({ client: s3 }, { Bucket, Prefix, Delimiter: "/" })) {
      found.keys.push(...(page.Contents ?? []).map((each) => each.Key));
      found.folders.push(...(page.CommonPrefixes ?? []).map((each) => each.Prefix));
    }
    process.stdout.write(JSON.stringify(found));
  },

  async delete(Bucket, ...keys) {
    const { Errors } = await s3.deleteObjects({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } });
    if (Errors?.length) throw new Error(JSON.stringify(Errors));
  },

  async presign(Bucket, Key) {
    const { getSignedUrl } = load("@aws-sdk/s3-request-presigner");
    process.stdout.write(await getSignedUrl(s3, new sdk.GetObjectCommand({ Bucket, Key }), { expiresIn: 600 }));
  },

  async multipart(Bucket, Key, path, partSize) {
    const { Upload } = load("@aws-sdk/lib-storage");
    const params = { Bucket, Key, Body: createReadStream(path) };
    await new Upload({ client: s3, params, partSize: Number(partSize) }).done();
  },

  async resume(Bucket, Key, path, partSize) {
    const [UploadId] = await uploadIds(Bucket, Key);
    const upload = { Bucket, Key, UploadId };
    const etags = new Map();
    for await (const page of sdk.paginateListParts({ client: s3 }, upload)) {
      for (const each of page.Parts ?? []) etags.set(each.PartNumber, each.ETag);
    }
    const file = openSync(path);
    const { size } = statSync(path);
    for (let PartNumber = 1, at = 0; at < size; PartNumber += 1, at += Number(partSize)) {
      if (etags.has(PartNumber)) continue;
      const Body = Buffer.alloc(Math.min(Number(partSize), size - at));
      readSync(file, Body, 0, Body.length, at);
      etags.set(PartNumber, (await s3.uploadPart({ ...upload, PartNumber, Body })).ETag);
    }
    const Parts = [...etags.keys()].sort((a, b) => a - b).map((number) => ({ PartNumber: number, ETag: etags.get(number) }));
    await s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } });
  },

  async abort(Bucket, Key) {
    for (const UploadId of await uploadIds(Bucket, Key)) await s3.abortMultipartUpload({ Bucket, Key, UploadId });
  },
};

await verbs[verb](...words);
