# -*- coding: utf-8 -*-
"""ucloud.ufile: the modules of the older SDK, each name with its arguments and what it answers."""

from __future__ import absolute_import, division, print_function

import hashlib
import importlib
import inspect
import io

from ucloud import auth, compact, logger, util
from ucloud.ufile import (
    baseufile,
    bucketmanager,
    config,
    deleteufile,
    downloadufile,
    getfilelist,
    getufilelist,
    httprequest,
    multipartuploadufile,
    postufile,
    putufile,
    uploadhitufile,
)
from ucloud.ufile.magicwrapper import Mimetype
from ucloud.uvideo import config as ours
from ucloud.uvideo import spacemanager
from ucloud.uvideo.protocol.errors import InvalidArgument

from . import hosts
from .case import BLOCK, ENDPOINT, OPTIONS, PRIVATE_KEY, PUBLIC_KEY, Case, FaultCase, content
from .test_filemanager import Files, arguments

#: Every public method of ucloud 2.0.2 with its arguments and their defaults.
OLDER = {
    putufile.PutUFile: {
        "putstream": ("bucket key stream mime_type header", (None, None)),
        "putfile": ("bucket key localfile header", (None,)),
    },
    postufile.PostUFile: {"postfile": ("bucket key localfile header", (None,))},
    uploadhitufile.UploadHitUFile: {"uploadhit": ("bucket key localfile header", (None,))},
    downloadufile.DownloadUFile: {
        # The older SDK's expires is 300, whatever set_default says; None is what set_default says, at first 300.
        "download_file": (
            "bucket key localfile isprivate expires content_range header",
            (True, None, None, None),
        ),
        "public_download_url": ("bucket key", None),
        "private_download_url": ("bucket key expires header internal", (None, None, False)),
        "private_head_url": ("bucket key expires header", (None, None)),
    },
    deleteufile.DeleteUFile: {"deletefile": ("bucket key header", (None,))},
    getufilelist.GetFileList: {"getfilelist": ("bucket prefix marker limit header", (None, None, None, None))},
    getfilelist.GetFileList: {"list": ("bucket marker limit header", (None,))},
    multipartuploadufile.MultipartUploadUFile: {
        "uploadstream": ("bucket key stream retrycount retryinterval mime_type header", (3, 5, None, None)),
        "uploadfile": ("bucket key localfile retrycount retryinterval header", (3, 5, None)),
        "resumeuploadfile": (
            "retrycount retryinterval bucket key uploadid blocksize etaglist localfile pausepartnumber "
            "mime_type header",
            (3, 5) + (None,) * 9,
        ),
        "resumeuploadstream": (
            "retrycount retryinterval bucket key uploadid blocksize etaglist stream pausepartnumber mime_type header",
            (3, 5) + (None,) * 9,
        ),
    },
    bucketmanager.BucketManager: {
        "createbucket": ("bucket buckettype domainlist header projectid", ("private", None, None, None)),
        "describebucket": ("bucket offset limit header projectid", (None, 0, 10, None, None)),
        "updatebucket": ("bucket buckettype header projectid", (None, None)),
        "deletebucket": ("bucket header projectid", (None, None)),
        "getfilelist": ("bucket offset limit header projectid", (0, 20, None, None)),
    },
    baseufile.BaseUFile: {
        "set_keys": ("public_key private_key", None),
        "signature": ("bucket key method header mime_type", ("get", None, None)),
    },
    auth.Auth: {
        "set_keys": ("public_key private_key", None),
        "bucket_signature": ("query", None),
        "ufile_signature": ("data", None),
        "ufile_authorization": ("data", None),
    },
}
#: What ``from module import *`` gives with ucloud 2.0.2, but requests, which only one module imports here.
STAR = {
    "ucloud.auth": "Auth b hashlib hmac logger reduce s standard_b64encode",
    "ucloud.compact": "BytesIO StringIO b basestring builtin_str bytes is_py2 is_py3 numeric_types s str sys u "
    "urlparse",
    "ucloud.logger": "LOG_FILE logger logging set_log_file",
    "ucloud.util": "BytesIO StringIO b base64 basestring builtin_str bytes config file_etag finishsharding_url hashlib "
    "initialsharding_url is_py2 is_py3 numeric_types os s shardingupload_url standard_b64decode standard_b64encode str "
    "struct sys u ufile_getfilelist_url ufile_post_url ufile_put_url ufile_uploadhit_url urlparse urlsafe_b64decode "
    "urlsafe_b64encode",
    "ucloud.ufile.baseufile": "Auth BaseUFile string",
    "ucloud.ufile.bucketmanager": "Auth BucketManager ResponseInfo UCLOUD_API_URL config logger s",
    "ucloud.ufile.config": "BLOCKSIZE UCLOUD_API_URL UCLOUD_DOWNLOAD_SUFFIX UCLOUD_PROXY_SUFFIX USER_AGENT get_default "
    "platform set_default",
    "ucloud.ufile.deleteufile": "BaseUFile DeleteUFile ResponseInfo config logger ufile_put_url",
    "ucloud.ufile.downloadufile": "BaseUFile DownloadUFile ResponseInfo config logger os s time urllib",
    "ucloud.ufile.getfilelist": "BaseUFile GetFileList Mimetype ResponseInfo config json logger os s",
    "ucloud.ufile.getufilelist": "BaseUFile GetFileList ResponseInfo config json logger os s ufile_getfilelist_url",
    "ucloud.ufile.httprequest": "ResponseInfo config logger re",
    "ucloud.ufile.magicwrapper": "Mimetype mimetypes path",
    "ucloud.ufile.multipartuploadufile": "BaseUFile Mimetype MultipartUploadUFile ResponseInfo config "
    "finishsharding_url initialsharding_url json logger os s shardingupload_url time",
    "ucloud.ufile.postufile": "BaseUFile Mimetype PostUFile ResponseInfo b config hashlib logger os s time u "
    "ufile_post_url",
    "ucloud.ufile.putufile": "BaseUFile Mimetype PutUFile ResponseInfo config json logger os s ufile_put_url",
    "ucloud.ufile.uploadhitufile": "BLOCKSIZE BaseUFile Mimetype ResponseInfo UploadHitUFile config file_etag logger "
    "os s ufile_uploadhit_url",
}
ATTRIBUTES = ("uploadid", "blocksize", "etaglist", "pausepartnumber")
HANDLERS = [kind for kind in OLDER if kind is not auth.Auth]
PAIR = (PUBLIC_KEY, PRIVATE_KEY)


class Older(Files):
    """The settings are the older SDK's own: those of ucloud.uvideo name a host where nobody listens."""

    def setUp(self):
        super(Older, self).setUp()
        self.addCleanup(config.DEFAULTS.unset, ())
        config.set_default(uploadsuffix=self.through, connection_timeout=20)
        self.addCleanup(ours.set_default, uploadsuffix=self.through, downloadsuffix=self.through)
        ours.set_default(uploadsuffix="127.0.0.1:1", downloadsuffix="127.0.0.1:1")

    def put(self, key, data, **options):
        return self.quick(putufile.PutUFile(*PAIR)).putfile(self.private, key, self.file(data), **options)

    def parts(self):
        return self.quick(multipartuploadufile.MultipartUploadUFile(*PAIR))

    def stored(self, key):
        config.set_default(uploadsuffix=ENDPOINT)
        target = self.path()
        answer = self.quick(downloadufile.DownloadUFile(*PAIR)).download_file(self.private, key, target)
        config.set_default(uploadsuffix=self.through)
        self.assertStatus(200, answer)
        return self.read(target)


class Names(Older, Case):
    def test_arguments_are_the_older_ones(self):
        for kind, methods in OLDER.items():
            for name, (expected, defaults) in methods.items():
                method = getattr(getattr(kind, name), "__func__", getattr(kind, name))
                while method.__code__.co_name == "wrapper":  # functools.wraps of 2.7 does not say what it wraps
                    cells = [cell.cell_contents for cell in method.__closure__]
                    method = [cell for cell in cells if inspect.isfunction(cell)][0]
                found, given = arguments(method)
                self.assertEqual((expected.split(), defaults), (found, given), name)
            self.assertEqual(["public_key", "private_key"], arguments(kind.__init__)[0][:2], kind)

    def test_modules_have_the_names_that_programs_take_from_them(self):
        for module, names in (
            ("ucloud.ufile", "__version__"),
            ("ucloud.ufile.config", "USER_AGENT UCLOUD_PROXY_SUFFIX UCLOUD_DOWNLOAD_SUFFIX UCLOUD_API_URL BLOCKSIZE"),
            ("ucloud.ufile.putufile", "config logger BaseUFile"),
            ("ucloud.ufile.bucketmanager", "config logger UCLOUD_API_URL"),
            ("ucloud.ufile.magicwrapper", "Mimetype"),
            ("ucloud.logger", "logger set_log_file LOG_FILE"),
            ("ucloud.compact", "is_py2 is_py3 urlparse StringIO BytesIO builtin_str bytes str basestring"),
            ("ucloud.compact", "numeric_types b s u"),
            ("ucloud.util", "BytesIO b s u config urlsafe_b64encode urlsafe_b64decode standard_b64encode file_etag"),
        ):
            found = importlib.import_module(module)
            for name in names.split():
                self.assertTrue(hasattr(found, name), (module, name))
        self.assertEqual(4 * 1024 * 1024, config.BLOCKSIZE)

    def test_a_star_gives_what_it_gave(self):
        for module, names in STAR.items():
            given = {}
            exec("from %s import *" % module, given)
            self.assertEqual([], [name for name in names.split() if name not in given], module)

    def test_a_file_name_need_not_be_utf_8(self):
        for name in ("a.mp4", b"a.mp4", b"\xc4\xe3.mp4", u"\u4f60.mp4"):
            self.assertEqual("video/mp4", Mimetype.from_file(name))

    def test_the_settings_are_its_own(self):
        config.DEFAULTS.unset(())
        for name, expected in (("upload_suffix", ".ufile.ucloud.cn"), ("download_suffix", ".ufile.ucloud.cn")):
            self.assertEqual(expected, config.get_default(name))
        self.assertEqual((300, config.USER_AGENT), (config.get_default("expires"), config.get_default("user_agent")))
        self.assertIsNone(config.get_default("no such name"))
        config.set_default(7, 8, "mine/1", ".up.example.com", ".down.example.com")
        config.set_default(None, 0, "", uploadsuffix="", downloadsuffix=None)  # what is falsy leaves it
        names = ("connection_timeout", "expires", "user_agent", "upload_suffix", "download_suffix")
        found = [config.get_default(name) for name in names]
        self.assertEqual([7, 8, "mine/1", ".up.example.com", ".down.example.com"], found)
        self.assertEqual("127.0.0.1:1", ours.get_default("uploadsuffix"))
        self.assertRaises(ValueError, config.set_default, uploadsuffix="no host")
        self.assertRaises(TypeError, config.set_default, uploadsufix=".x.example.com")

    def test_a_handler_copies_them_at_its_first_call(self):
        for kind, call in (
            (putufile.PutUFile, lambda each: each.putstream(self.private, "k", b"x")),
            (
                multipartuploadufile.MultipartUploadUFile,
                lambda each: each.uploadstream(self.private, "k", io.BytesIO(b"x")),
            ),
            (downloadufile.DownloadUFile, lambda each: each.download_file(self.private, "k", self.path())),
            (getufilelist.GetFileList, lambda each: each.getfilelist(self.private)),
            (bucketmanager.BucketManager, lambda each: each.describebucket(self.private)),
        ):
            config.DEFAULTS.unset(())
            handler = kind(*PAIR)
            handler.set_keys(*PAIR)
            config.set_default(uploadsuffix=ENDPOINT)
            self.assertStatus(200, call(handler))
            config.set_default(uploadsuffix="127.0.0.1:1")
            self.assertStatus(200, call(handler))

    def test_keys_that_cannot_be_are_refused(self):
        for kind in list(HANDLERS) + [auth.Auth]:
            for pair in (("", "x"), ("x", ""), (None, "x"), ("x", 5)):
                self.assertRaises(ValueError, kind, *pair)
            self.assertNotIn("s3cret", repr(kind("public", "s3cret")))


class Hosts(Older, Case):
    """Nothing signed goes to a host that the user did not name, but the package's own where none is named."""

    def origins(self):
        made = config.DEFAULTS.settings()
        found = []
        for place in (made.upload, made.download):
            try:
                found.append(place.origin("films"))
            except InvalidArgument as error:
                self.assertIn(u"; set ", error.message)
                found.append(None)
        return found + [made.api if isinstance(made.api, str) else None]

    def test_where_calls_go(self):
        older, api = "http://films.ufile.ucloud.cn", "https://api.ucloud.cn"
        for given, expected in (
            ({}, [older, older, api]),
            ({"downloadsuffix": ".cdn.example.com"}, [older, "http://films.cdn.example.com", api]),
            (
                {"uploadsuffix": ".ufile.cn-north-03.ucloud.cn"},
                ["http://films.ufile.cn-north-03.ucloud.cn"] * 2 + [api],
            ),
            ({"uploadsuffix": ".cn-bj.ufileos.com"}, ["https://films.cn-bj.ufileos.com"] * 2 + [api]),
            ({"uploadsuffix": "https://video.example.com"}, ["https://video.example.com"] * 3),
            ({"uploadsuffix": ".example.com"}, ["http://films.example.com"] * 2 + [None]),
            (
                {"uploadsuffix": ".a.example.com", "downloadsuffix": ".b.example.com"},
                ["http://films.a.example.com", "http://films.b.example.com", None],
            ),
            ({"apiurl": "https://video.example.com"}, [None, None, "https://video.example.com"]),
            ({"downloadsuffix": "127.0.0.1:9"}, [None, "http://127.0.0.1:9", None]),
        ):
            config.DEFAULTS.unset(())
            config.set_default(**given)
            self.assertEqual(expected, self.origins(), given)

    def test_calls_look_no_other_host_up(self):
        config.DEFAULTS.unset(())
        config.set_default(uploadsuffix=".up.example.com", downloadsuffix=".down.example.com", retries=0)
        source, target = self.file(b"x"), self.path()
        for expected, call in (
            ("films.up.example.com", lambda: putufile.PutUFile(*PAIR).putfile("films", "k", source)),
            ("films.up.example.com", lambda: self.parts().uploadfile("films", "k", source, 0)),
            ("films.up.example.com", lambda: deleteufile.DeleteUFile(*PAIR).deletefile("films", "k")),
            ("films.down.example.com", lambda: downloadufile.DownloadUFile(*PAIR).download_file("films", "k", target)),
            (None, lambda: bucketmanager.BucketManager(*PAIR).createbucket("films")),
        ):
            with hosts.Lookups() as lookups:
                ret, resp = call()
            self.assertEqual(set([expected] if expected else []), set(lookups.names))
            self.assertEqual(-1 if expected else -3, resp.status_code, resp)

    def test_another_url_in_the_place_of_the_constant_is_where_management_goes(self):
        config.DEFAULTS.unset(())
        ours.unset_default("uploadsuffix", "downloadsuffix")
        for module, kind in (
            (bucketmanager, bucketmanager.BucketManager),
            (spacemanager, spacemanager.BucketManager),
        ):
            before = module.UCLOUD_API_URL
            module.UCLOUD_API_URL = "http://" + ENDPOINT
            try:
                self.assertStatus(200, kind(*PAIR).getfilelist(self.private))
            finally:
                module.UCLOUD_API_URL = before


class Objects(Older, Case):
    def test_puts_answer_as_the_older_ones(self):
        ret, resp = answer = self.put("a b.html", b"hello")
        self.assertStatus(200, answer)
        self.assertIsInstance(resp, httprequest.ResponseInfo)
        own = util.file_etag(self.file(b"hello"), config.BLOCKSIZE)
        self.assertEqual(({}, '"%s"' % own, "0"), (ret, resp.etag, resp.content_length))
        self.assertIn("status_code: 200", str(resp))
        self.assertIn("status_code: 200", "{0}".format(resp))
        self.assertEqual((True, False), (resp.ok(), resp.need_retry()))
        self.assertStatus(200, postufile.PostUFile(*PAIR).postfile(self.private, "form", self.file(b"hello")))
        self.assertStatus(200, uploadhitufile.UploadHitUFile(*PAIR).uploadhit(self.private, "hit", self.file(b"hello")))
        answer = uploadhitufile.UploadHitUFile(*PAIR).uploadhit(self.private, "hit", self.file(b"nobody has this"))
        self.assertStatus(404, answer)
        self.assertStatus(200, putufile.PutUFile(*PAIR).putfile(self.private, "stream", io.BytesIO(b"a stream")))
        self.assertEqual(b"a stream", self.stored("stream"))

    def test_refusals_answer_as_the_older_ones(self):
        stranger = putufile.PutUFile("nobody", "wrong")
        for status, answer in (
            (400, putufile.PutUFile(*PAIR).putfile("no-such-space", "k", self.file(b"x"))),
            (401, putufile.PutUFile(PUBLIC_KEY, "wrong").putfile(self.private, "k", self.file(b"x"))),
            (403, stranger.putfile(self.private, "k", self.file(b"x"))),
            (404, downloadufile.DownloadUFile(*PAIR).download_file(self.private, "absent", self.path())),
            (-3, putufile.PutUFile(*PAIR).putfile(self.private, "k", self.path("absent"))),
        ):
            resp = self.assertStatus(status, answer)
            self.assertIsNone(answer[0])
            self.assertEqual(status > 0, resp.ret_code is not None)

    def test_downloads_and_urls(self):
        self.assertStatus(200, self.put("movie.mp4", content(1000)))
        down, target = downloadufile.DownloadUFile(*PAIR), self.path()
        resp = self.assertStatus(206, down.download_file(self.private, "movie.mp4", target, content_range=(0, 50)))
        self.assertEqual(((0, 50), "51"), (resp.content_range, resp.content_length))
        self.assertEqual(content(1000)[:51], self.read(target))
        self.assertIsNone(resp.content)
        for url in (
            down.private_download_url(self.private, "movie.mp4"),
            down.private_download_url(self.private, "movie.mp4", 60, {"User-Agent": "x"}, True),
        ):
            self.assertEqual((200, content(1000)), self.fetch(url)[::2])
        self.assertEqual(200, self.fetch(down.private_head_url(self.private, "movie.mp4", expires=60), "HEAD")[0])
        self.assertEqual(401, self.fetch(down.public_download_url(self.private, "movie.mp4"))[0])
        self.assertStatus(204, deleteufile.DeleteUFile(*PAIR).deletefile(self.private, "movie.mp4"))

    def test_listings(self):
        for key in "abc":
            self.assertStatus(200, self.put("list/" + key, b"x"))
        newer, older = getufilelist.GetFileList(*PAIR), getfilelist.GetFileList(*PAIR)
        ret, resp = newer.getfilelist(bucket=self.private, prefix=u"list/", limit="2")
        self.assertEqual(["list/a", "list/b"], [each["FileName"] for each in ret["DataSet"]])
        self.assertEqual(1, len(newer.getfilelist(self.private, "list/", ret["NextMarker"])[0]["DataSet"]))
        self.assertEqual(1, len(older.list(self.private, "", 1)[0]["DataSet"]))

    def test_spaces(self):
        spaces, name = bucketmanager.BucketManager(*PAIR), self.private + "-o"
        header = {"User-Agent": "mine/1"}
        for answer in (
            spaces.createbucket(name, "public", [name + ".example.com"], header, "org-1"),
            spaces.updatebucket(bucket=name, buckettype="private", header=header, projectid="org-1"),
        ):
            self.assertEqual((200, 0), (self.assertStatus(200, answer).status_code, answer[0]["RetCode"]))
        found = spaces.describebucket(name, projectid="org-1")[0]["DataSet"][0]
        self.assertEqual(("private", [name + ".example.com"]), (found["Type"], found["Domain"]["CustomSrc"]))
        self.assertEqual(1, len(spaces.describebucket(limit="1")[0]["DataSet"]))
        self.assertEqual([], spaces.getfilelist(bucket=name, offset="0", limit="20", projectid="org-1")[0]["DataSet"])
        self.assertEqual(0, spaces.deletebucket(name, projectid="org-1")[0]["RetCode"])
        ret, resp = spaces.deletebucket(name)
        self.assertEqual((200, 15010, False), (resp.status_code, ret["RetCode"], resp.ok()))

    def test_signatures_are_those_of_the_service(self):
        handler, signer = putufile.PutUFile(*PAIR), auth.Auth(*PAIR)
        header = {"Content-Type": "text/plain", "Host": "anything", "Content-Length": "5"}
        text = "PUT\n\ntext/plain\n\n/%s/k" % self.private
        self.assertEqual(handler.authorization("put", self.private, "k", header), signer.ufile_authorization(text))
        query = {"Action": "DescribeBucket", "BucketName": self.private}
        signed = signer.bucket_signature(query)
        self.assertEqual(PUBLIC_KEY, query["PublicKey"])
        expected = "".join([name + query[name] for name in sorted(query)]) + PRIVATE_KEY
        self.assertEqual(hashlib.sha1(expected.encode("utf-8")).hexdigest(), signed)
        url = util.ufile_put_url(self.private, "by hand")
        sent = {"Authorization": handler.authorization("put", self.private, "by hand"), "Content-Length": "0"}
        self.assertEqual(200, self.fetch(url, "PUT", sent)[0])
        self.assertTrue(util.shardingupload_url(self.private, "k", "a b", 3).endswith("/k?uploadId=a%20b&partNumber=3"))
        self.assertEqual(util.ufile_post_url(self.private) + "?list", util.ufile_getfilelist_url(self.private))

    def test_the_small_tools(self):
        self.assertEqual("_-8=", util.urlsafe_b64encode(b"\xff\xef"))
        self.assertEqual(b"\xff\xef", util.urlsafe_b64decode("_-8="))
        self.assertEqual("/+8=", util.standard_b64encode(b"\xff\xef"))
        self.assertEqual(b"\xff\xef", util.standard_b64decode("/+8="))
        self.assertEqual(util.file_etag(self.file(b"ab"), 1), util.file_etag(self.file(b"ab"), size=1))
        self.assertNotEqual(util.file_etag(self.file(b"ab"), 1), util.file_etag(self.file(b"ab")))
        self.assertEqual((b"x", "x"), (compact.b("x"), compact.s(b"x")))
        self.assertEqual(b"x", compact.BytesIO(b"x").read())

    def test_an_answer_can_be_made_of_one_of_requests(self):
        class Made(object):
            status_code, headers = 404, {"Content-Type": "application/json", "ETag": '"x"', "X-SessionId": "s"}
            content = b'{"RetCode": -148654, "ErrMsg": "file not exist"}'

        resp = httprequest.ResponseInfo(Made())
        self.assertEqual((404, -148654, "file not exist"), (resp.status_code, resp.ret_code, resp.error))
        self.assertEqual(('"x"', "s", False), (resp.etag, resp.x_session_id, resp.ok()))
        resp = httprequest.ResponseInfo(None, ValueError("no network"))
        self.assertEqual((-1, "no network", True), (resp.status_code, resp.error, resp.need_retry()))
        self.assertEqual("断网", httprequest.ResponseInfo(None, IOError("断网")).error)

    def test_names_that_are_not_ascii_are_logged(self):
        log = self.path()
        logger.set_log_file(log)
        self.addCleanup(logger.set_log_file, None)
        put, down = self.quick(putufile.PutUFile(*PAIR)), self.quick(downloadufile.DownloadUFile(*PAIR))
        for key in ("视频", u"视频"):  # on 2.7 the first is bytes
            self.assertStatus(200, put.putstream(self.private, key, b"x"))
            self.assertStatus(404, down.download_file(self.private, key + key, self.path()))
        with io.open(log, encoding="utf-8") as lines:
            said = lines.read()
        self.assertEqual(2, said.count(u"/视频: 200 "))
        self.assertEqual(2, said.count(u"/视频视频 failed: 404 "))


class Resume(Older, FaultCase):
    def interrupted(self, call):
        """(handler, data) of an upload whose part 2 found no answer."""
        config.set_default(maxthread=1)
        self.faults(({"on": "UploadPart", "part": 2}, {"do": "cut_after", "times": 4}))
        handler, data = self.parts(), content(3 * BLOCK + 5)
        self.assertStatus(-1, call(handler, data))
        self.assertEqual((BLOCK, 2, 2), (handler.blocksize, handler.pausepartnumber, len(handler.etaglist)))
        return handler, data

    def files(self, handler, data):
        self.source = self.file(data)
        return handler.uploadfile(self.private, "k", self.source, **OPTIONS)

    def test_without_arguments(self):
        handler, data = self.interrupted(self.files)
        self.assertStatus(200, handler.resumeuploadfile())
        self.assertEqual(data, self.stored("k"))
        self.assertIsNone(handler.uploadid)

    def test_a_file_in_another_process(self):
        handler, data = self.interrupted(self.files)
        kept = {"bucket": self.private, "key": "k", "uploadid": handler.uploadid, "localfile": self.source}
        more = {"blocksize": handler.blocksize, "etaglist": handler.etaglist, "pausepartnumber": 2}
        handler.close()
        self.assertStatus(200, self.parts().resumeuploadfile(retryinterval=0, **dict(kept, **more)))
        self.assertEqual(data, self.stored("k"))
        sent = sorted([entry["part"] for entry in self.seen("UploadPart", status=200)])
        self.assertEqual([0, 1, 2, 3], sent)  # what the service had was not sent again
        anew = self.parts().resumeuploadfile(bucket=self.private, key="anew", localfile=self.source)
        self.assertEqual(len(data), anew[0]["FileSize"])
        self.assertStatus(-3, self.parts().resumeuploadfile(bucket=self.private, key="k"))
        self.assertStatus(-3, self.parts().resumeuploadfile(**dict(kept, blocksize=5)))

    def test_attributes_that_a_program_sets(self):
        handler, data = self.interrupted(self.files)
        kept = handler.uploadid, handler.blocksize, handler.etaglist, handler.pausepartnumber
        handler.close()
        again = self.parts()
        again.uploadid, again.blocksize, again.etaglist, again.pausepartnumber = kept
        given = {"bucket": self.private, "key": "k", "retryinterval": 0}
        self.assertStatus(-3, again.resumeuploadfile(**given))
        self.assertEqual(kept, (again.uploadid, again.blocksize, again.etaglist, again.pausepartnumber))
        falsy = {"uploadid": "", "blocksize": 0, "etaglist": [], "pausepartnumber": 0, "mime_type": ""}
        self.assertStatus(200, again.resumeuploadfile(localfile=self.source, **dict(falsy, **given)))
        self.assertEqual(data, self.stored("k"))
        self.assertEqual([0, 1, 2, 3], sorted([each["part"] for each in self.seen("UploadPart", status=200)]))
        self.assertEqual((None, None, [], 0), tuple([getattr(again, name) for name in ATTRIBUTES]))
        again.uploadid = kept[0]
        self.assertStatus(200, again.uploadfile(self.private, "new", self.source, **OPTIONS))
        self.assertIsNone(again.uploadid)  # of an upload that is begun anew nothing is set

    def test_one_that_was_not_begun(self):
        self.faults(({"on": "InitiateUpload"}, {"do": "cut_after", "times": 4}))
        handler, source = self.parts(), self.file(b"x")
        self.assertStatus(-1, handler.uploadfile(self.private, "k", source, **OPTIONS))
        self.assertEqual((None, 0), (handler.uploadid, handler.pausepartnumber))
        kept = {"uploadid": handler.uploadid, "blocksize": handler.blocksize, "etaglist": handler.etaglist}
        answer = handler.resumeuploadfile(bucket=self.private, key="k", localfile=source, **kept)
        self.assertStatus(200, answer)
        self.assertEqual(b"x", self.stored("k"))
        self.assertStatus(-3, handler.resumeuploadfile())

    def test_another_file_is_refused(self):
        handler, data = self.interrupted(self.files)
        upload = handler.uploadid
        handler.close()
        other = self.file(content(3 * BLOCK + 5, 2))
        answer = self.parts().resumeuploadfile(bucket=self.private, key="k", uploadid=upload, localfile=other)
        self.assertStatus(-2, answer)
        handler, data = self.interrupted(self.files)
        self.assertStatus(-2, handler.resumeuploadfile(localfile=other, etaglist=handler.etaglist))

    def test_a_file_with_arguments_in_the_same_process(self):
        handler, data = self.interrupted(self.files)
        answer = handler.resumeuploadfile(
            3, 0, self.private, "k", handler.uploadid, handler.blocksize, handler.etaglist, self.source
        )
        self.assertStatus(200, answer)
        self.assertEqual(data, self.stored("k"))
        self.assertStatus(-3, handler.resumeuploadfile())  # nothing is left to resume

    def test_a_stream_in_another_process(self):
        def stream(handler, data):
            return handler.uploadstream(self.private, "k", io.BytesIO(data), **OPTIONS)

        handler, data = self.interrupted(stream)
        rest = io.BytesIO(data)
        rest.seek(handler.pausepartnumber * handler.blocksize)
        kept = {"bucket": self.private, "key": "k", "uploadid": handler.uploadid, "blocksize": handler.blocksize}
        quoted = ['"%s"' % each for each in handler.etaglist]
        handler.close()
        again = self.parts()
        kept.update(pausepartnumber=2, stream=rest)
        nameless = dict(kept, uploadid=None, etaglist=quoted)
        self.assertIn("uploadid is needed", self.assertStatus(-3, again.resumeuploadstream(**nameless)).error)
        resp = self.assertStatus(-3, again.resumeuploadstream(etaglist=[quoted[0], None], **kept))
        self.assertIn("etaglist has no etag for part 1", resp.error)
        resp = self.assertStatus(-3, again.resumeuploadstream(etaglist=quoted[:1], **kept))
        self.assertIn("one etag for each part", resp.error)
        self.assertStatus(200, again.resumeuploadstream(etaglist=quoted, **kept))
        self.assertEqual(data, self.stored("k"))

    def test_a_stream_with_arguments_in_the_same_process(self):
        def stream(handler, data):
            return handler.uploadstream(self.private, "k", io.BytesIO(data), **OPTIONS)

        handler, data = self.interrupted(stream)
        rest = io.BytesIO(data)
        rest.seek(2 * BLOCK)
        answer = handler.resumeuploadstream(bucket=self.private, key="k", uploadid=handler.uploadid, stream=rest)
        self.assertStatus(200, answer)
        self.assertEqual(data, self.stored("k"))
