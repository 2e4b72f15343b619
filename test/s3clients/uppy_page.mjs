// A page with Uppy's plugin for S3, which signs in the browser: start(options), then choose a file, then uppy.upload().
// With ``pauses`` it pauses after the first part.

import Uppy from "@uppy/core";
import AwsS3 from "@uppy/aws-s3";

window.start = ({ bucketUrl, accessKeyId, secretAccessKey, folder, shouldUseMultipart, pauses }) => {
  const credentials = { accessKeyId, secretAccessKey };
  const uppy = new Uppy().use(AwsS3, {
    s3Endpoint: bucketUrl,
    region: "cn-bj",
    getCredentials: async () => ({ credentials, region: "cn-bj" }),
    generateObjectKey: (file) => `${folder}/${file.name}`,
    getChunkSize: () => 5 * 1024 * 1024,
    shouldUseMultipart,
  });
  window.uppy = uppy;
  window.stored = null;
  window.failed = null;
  window.parts = 0;
  uppy.on("upload-success", (file, response) => { window.stored = response.body.key; });
  uppy.on("upload-error", (file, error) => { window.failed = String(error); });
  uppy.on("s3-multipart:part-uploaded", () => {
    window.parts += 1;
    if (pauses && window.parts === 1) uppy.pauseAll();
  });
};

document.querySelector("#file").addEventListener("change", (event) => {
  const [data] = event.target.files;
  window.uppy.addFile({ name: data.name, type: data.type, data });
});
