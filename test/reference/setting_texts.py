"""What each setting of a client is for, and its unit, in two languages.  A test requires every field of Settings."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MORE", "OPTIONS", "SDK", "TEXTS", "Text"]


class Text(NamedTuple):
    unit: str
    meaning: str
    unit_zh: str
    meaning_zh: str


#: The option of the command that sets it for one call.
OPTIONS = {
    "endpoint": "--endpoint",
    "provider": "--provider",
    "checksum": "--no-verify",
    "part_jobs": "--part-jobs",
    "bandwidth": "--bwlimit",
    "expires": "presign --expires",
}

TEXTS = {
    "public_key": Text("text", "Public key of the key pair.", "文本", "密钥对的公钥。"),
    "private_key": Text(
        "text, secret",
        "Private key of the key pair. Without both, the client is anonymous.",
        "文本，保密",
        "密钥对的私钥。两者都没有时为匿名客户端。",
    ),
    "security_token": Text("text, secret", "Third part of temporary keys.", "文本，保密", "临时密钥的第三项。"),
    "provider": Text(
        "`auto-ai`, `ucloud`, `us3`, `local`",
        "Set of hosts and rules.",
        "`auto-ai`、`ucloud`、`us3`、`local`",
        "一组主机及其规则。",
    ),
    "endpoint": Text(
        "host or URL",
        "Host of the service; it replaces the provider's three hosts.",
        "主机或 URL",
        "服务的主机，代替服务商的三个主机。",
    ),
    "download_endpoint": Text("host or URL", "Another host for downloads.", "主机或 URL", "下载用的另一个主机。"),
    "api_url": Text("URL", "Another host for management calls.", "URL", "管理接口用的另一个主机。"),
    "region": Text("text", "Region of the spaces, for `us3`.", "文本", "空间所在地域，用于 `us3`。"),
    "word": Text(
        "`UCloud`, `AutoAI`",
        "First word of the Authorization header.",
        "`UCloud`、`AutoAI`",
        "Authorization 标头的第一个词。",
    ),
    "timeout": Text("seconds", "Most time without a byte.", "秒", "最长多久没有数据。"),
    "connect_timeout": Text(
        "seconds", "Most time to connect, with name lookup and TLS.", "秒", "建立连接的最长时间，含域名解析和 TLS。"
    ),
    "attempt_timeout": Text("seconds", "Most time for one try.", "秒", "单次尝试的最长时间。"),
    "total_timeout": Text(
        "seconds",
        "Most time for a call with all tries and waits, also for an upload.",
        "秒",
        "一次调用的最长时间，含重试和等待，上传也算在内。",
    ),
    "retries": Text("0 to 100", "Most retries of a request.", "0 到 100", "一个请求的最多重试次数。"),
    "retry_budget": Text(
        "seconds", "Most time for all waits of a call together.", "秒", "一次调用中所有等待时间之和的上限。"
    ),
    "expires": Text("seconds", "Time until a signed URL expires.", "秒", "签名链接的有效期。"),
    "part_jobs": Text(
        "1 to 64", "Parts of one object that are transferred at a time.", "1 到 64", "一个对象同时传输的分片数。"
    ),
    "bandwidth": Text(
        "bytes per second", "Limit in each direction; `10M` is allowed.", "字节/秒", "每个方向的带宽上限，可写 `10M`。"
    ),
    "checksum": Text(
        "`true`, `false`",
        "Hash what is transferred, and compare ETags.",
        "`true`、`false`",
        "计算所传内容的哈希并比较 ETag。",
    ),
    "multipart_threshold": Text(
        "bytes", "Larger objects go in parts; `8M` is allowed.", "字节", "超过此大小的对象分片传输，可写 `8M`。"
    ),
    "ca_bundle": Text(
        "file or directory",
        "CA certificates to trust instead of the system's.",
        "文件或目录",
        "要信任的 CA 证书，代替系统自带的。",
    ),
    "client_cert": Text("file", "Client certificate, PEM.", "文件", "客户端证书，PEM 格式。"),
    "client_key": Text("file", "Its private key, PEM.", "文件", "客户端证书的私钥，PEM 格式。"),
    "client_key_password": Text("text, secret", "Password of that key.", "文本，保密", "该私钥的密码。"),
    "proxy": Text(
        "URL",
        "Proxy; empty for none. Without it `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` decide.",
        "URL",
        "代理，空值表示不用；未设置时由 `HTTPS_PROXY`、`HTTP_PROXY`、`NO_PROXY` 决定。",
    ),
    "user_agent": Text("text", "User-Agent header.", "文本", "User-Agent 标头。"),
    "state_dir": Text(
        "directory", "Where the journal of unfinished transfers is.", "目录", "未完成传输的日志所在目录。"
    ),
    "space_parameter": Text(
        "`BucketName`, `SpaceName`",
        "Name of a parameter of management calls.",
        "`BucketName`、`SpaceName`",
        "管理接口的参数名。",
    ),
    "video_actions": Text(
        "`true`, `false`",
        "Use the names of the video service for management calls.",
        "`true`、`false`",
        "管理接口使用视频服务的名称。",
    ),
    "pool_size": Text(
        "1 to 10000",
        "`Client`: idle connections to a host that are kept (32). `AsyncClient`: most connections at a time (256).",
        "1 到 10000",
        "`Client`：每个主机保留的空闲连接数（32）。`AsyncClient`：同时的最大连接数（256）。",
    ),
}

#: What is no field of Settings: (argument, variable, key of the file, option), meaning, Chinese.
MORE = (
    (
        ("profile", "UVIDEO_PROFILE", "default_profile", "--profile"),
        "Which profile of the file to use. Without any of these it is the one called `default`.",
        "使用配置文件中的哪个配置；都没有给出时用名为 `default` 的配置。",
    ),
    (
        ("", "UVIDEO_CONFIG", "", "--config"),
        "The configuration file, instead of `~/.config/uvideo/config.toml`.",
        "配置文件，代替 `~/.config/uvideo/config.toml`。",
    ),
    (
        ("", "UCLOUD_PUBLIC_KEY", "", ""),
        "Public key if nothing else gives keys, as for the vendor's other SDKs.",
        "其他地方都没有给出密钥时使用的公钥，与厂商其他 SDK 相同。",
    ),
    (("", "UCLOUD_PRIVATE_KEY", "", ""), "Its private key.", "对应的私钥。"),
    (
        ("", "UVIDEO_LANG", "", ""),
        "`en` or `zh`: language of the command. Without it: `LC_ALL`, `LC_MESSAGES`, `LANG`.",
        "`en` 或 `zh`：命令行的语言；未设置时取 `LC_ALL`、`LC_MESSAGES`、`LANG`。",
    ),
    (("", "UVIDEO_JSON", "", "--json"), "`1`: print JSON.", "`1`：输出 JSON。"),
    (("", "UVIDEO_QUIET", "", "--quiet"), "`1`: print results and errors only.", "`1`：只输出结果和错误。"),
    (("", "UVIDEO_VERBOSE", "", "--verbose"), "`1`: print more.", "`1`：输出更多信息。"),
    (("", "UVIDEO_NO_PROGRESS", "", "--no-progress"), "`1`: no progress.", "`1`：不显示进度。"),
    (
        ("", "UVIDEO_STATS", "", "--stats"),
        "Time between lines of progress where there is no terminal: `30s`.",
        "没有终端时输出进度行的间隔：`30s`。",
    ),
    (
        ("", "UVIDEO_PRESIGN_EXPIRES", "", "presign --expires"),
        "An example: every option of every command can be given as `UVIDEO_COMMAND_OPTION`.",
        "示例：每个命令的每个选项都可以写成 `UVIDEO_COMMAND_OPTION`。",
    ),
    (("", "UVIDEO_TRACEBACK", "", ""), "`1`: show where a bug of the program is.", "`1`：显示程序缺陷的出错位置。"),
    (("", "XDG_CONFIG_HOME", "", ""), "Instead of `~/.config`.", "代替 `~/.config`。"),
    (("", "XDG_STATE_HOME", "", ""), "Instead of `~/.local/state`.", "代替 `~/.local/state`。"),
)

#: The arguments of `config.set_default` of the SDK.
SDK = {
    "uploadsuffix": (
        "Host of uploads, `host:port`, or a suffix that begins with a dot. Without it: the provider's.",
        "上传的主机、`host:port`，或以点开头的域名后缀。未设置时取服务商的。",
    ),
    "downloadsuffix": (
        "Host or suffix of downloads. Without it: the provider's, or the host of uploads if you set that.",
        "下载的主机或域名后缀。未设置时取服务商的；设置了上传主机时与它相同。",
    ),
    "connection_timeout": (
        "Seconds to connect, and the longest silence.",
        "建立连接的时限，也是允许没有数据的最长时间，单位为秒。",
    ),
    "expires": ("Seconds until a signed link expires.", "签名链接的有效期，单位为秒。"),
    "provider": (
        "`auto-ai` (UVideo), `ucloud` or `us3` (UFile), `local`: hosts and rules.",
        "`auto-ai`（UVideo）、`ucloud` 或 `us3`（UFile）、`local`：一组主机及其规则。",
    ),
    "authscheme": (
        "First word of the header `Authorization`: `UCloud` or `AutoAI`. Without it: the provider's.",
        "标头 `Authorization` 的第一个词：`UCloud` 或 `AutoAI`。未设置时取服务商的。",
    ),
    "apiurl": (
        "URL for managing spaces. Without it: the provider's, or the host of uploads if you set that.",
        "空间管理的 URL。未设置时取服务商的；设置了上传主机时与它相同。",
    ),
    "region": ("Region of a new space, and in the hosts of `us3`.", "新空间的地域，也用在 `us3` 的主机名中。"),
    "maxthread": ("Parts sent at the same time, 1 to 64.", "同时发送的分片数，1 到 64。"),
    "retries": ("Retries of a request, 0 to 100.", "一个请求的重试次数，0 到 100。"),
    "user_agent": ("Header `User-Agent`.", "标头 `User-Agent`。"),
    "space_parameter": (
        "Name of the space in calls that manage spaces: `BucketName` or `SpaceName`.",
        "空间管理调用中空间的参数名：`BucketName` 或 `SpaceName`。",
    ),
    "video_actions": ("Use `CreateVideoSpace` and similar actions.", "使用 `CreateVideoSpace` 等操作名。"),
    "md5": (
        "Send `Content-MD5` with whole objects, which reads them once more. The ETag is compared in any case.",
        "整体上传时发送 `Content-MD5`，为此多读一遍数据。ETag 总会核对。",
    ),
    "open_ssl": (
        "`True`: https, `False`: http, for hosts given without a scheme. Without it: as the provider's documents say.",
        "主机没有写协议时，`True` 用 https，`False` 用 http。未设置时按服务商的文档。",
    ),
    "ca_bundle": (
        "File or directory of trusted CA certificates, instead of `REQUESTS_CA_BUNDLE` or certifi's.",
        "受信任的 CA 证书的文件或目录，代替 `REQUESTS_CA_BUNDLE` 或 certifi 的。",
    ),
    "client_cert": ("Certificate of the client, PEM.", "客户端证书，PEM 格式。"),
    "client_key": (
        "Its private key, PEM. Without it the key is in `client_cert`.",
        "证书的私钥，PEM 格式。未设置时私钥在 `client_cert` 里。",
    ),
    "client_key_password": ("Password of an encrypted private key.", "加密的私钥的密码。"),
    "proxy": (
        'URL of a proxy for all hosts; `""`: no proxy. Without it the environment decides.',
        '所有主机使用的代理的 URL；`""` 表示不用代理。未设置时由环境变量决定。',
    ),
    "session": (
        "A `requests.Session` that sends all requests. It is slower than the SDK's own connections.",
        "发送所有请求的 `requests.Session`，比 SDK 自己的连接慢。",
    ),
}
