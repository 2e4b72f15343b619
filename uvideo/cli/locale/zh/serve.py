"""Texts of `uvideo serve` and `uvideo admin`."""

WORDS = {
    "Serve object storage from a folder.": "以本地目录为存储，启动对象存储服务。",
    "DIR is created if it does not exist. The default is uvideo-data.": "DIR 不存在时自动创建，默认为 uvideo-data。",
    "The environment can give each option as UVIDEO_SERVE_<NAME>, and DIR as UVIDEO_SERVE_DIR.  After SIGTERM the "
    "server finishes the requests in flight and exits.": (
        "每个选项也可以用环境变量 UVIDEO_SERVE_<名称> 设置，DIR 对应 UVIDEO_SERVE_DIR。\n"
        "收到 SIGTERM 后，处理完正在进行的请求再退出。"
    ),
    "Exit codes: 0 stopped, 1 failed, a restart may help, 2 wrong settings, 3 stopped, but a fault of --faults "
    "never happened, 4 failed, a restart does not help before the fault in the message is repaired.": (
        "退出码：0 正常停止，1 失败，重启可能恢复，2 设置有误，\n"
        "3 已停止，但 --faults 中有故障从未触发，4 失败，须先按提示修复再启动。"
    ),
    "The server reads the files of --settings and the certificate again after SIGHUP, and when they change; "
    "docs/server.md says which settings take effect at once.": (
        "收到 SIGHUP，或者 --settings 的文件、证书有改动时，服务端重新读取它们；\n哪些设置立即生效，见 docs/server.md。"
    ),
    "File with lines UVIDEO_SERVE_<NAME>=value, for settings that neither the command line nor the environment "
    "gives. Repeatable.": ("设置文件，每行一个 UVIDEO_SERVE_<名称>=值，优先级低于命令行和环境变量；可多次指定。"),
    "Seconds between checks whether these files or the certificate changed; 0: only at SIGHUP.": (
        "每隔多少秒检查这些文件和证书是否有改动；0 表示只在收到 SIGHUP 时读取。"
    ),
    "Lowest level of log lines on stderr; debug includes the reason of each refused request.": (
        "输出到标准错误的日志级别；debug 会记录每个请求被拒绝的原因。"
    ),
    "On port 9000, with a key pair that the first start creates:": "使用 9000 端口，首次启动时生成一对密钥：",
    "On a free port, which is shown in the ready file and on stdout:": "使用空闲端口，实际端口见就绪文件和标准输出：",
    "On all addresses, with TLS and two processes:": "监听所有地址，启用 TLS，两个进程：",
    "Address that the data port listens on.": "数据端口监听的地址。",
    "A host name that clients use for the server. No space or domain can have it. Repeatable.": (
        "客户端访问服务端所用的主机名，空间和自定义域名都不能占用；可多次指定。"
    ),
    "Address that the admin port listens on.": "管理端口监听的地址。",
    "Data port; 0 chooses a free one.": "数据端口，0 表示自动选择空闲端口。",
    "Admin port: console, health checks and metrics.": "管理端口：控制台、健康检查和监控指标。",
    "Port that serves only S3; 0 chooses a free one. The data port serves S3 too.": (
        "只提供 S3 协议的端口，0 表示自动选择空闲端口；数据端口同样接受 S3 请求。"
    ),
    "A host name of the server for S3 clients, also with a bucket before it: BUCKET.NAME. Repeatable.": (
        "S3 客户端访问服务端所用的主机名，前面也可加空间名（bucket）：BUCKET.NAME；可多次指定。"
    ),
    "Accept S3 forms with a signature of version 2, for old programs. All other requests need version 4.": (
        "接受以版本 2 签名的 S3 表单，供旧程序使用；其他请求仍须以版本 4 签名。"
    ),
    "Accept only parts of exactly 8 MiB (the last one may be smaller) from S3 clients, as the vendor's gateway.": (
        "只接受 S3 客户端正好 8 MiB 的分片（最后一个分片可以更小），与厂商的网关相同。"
    ),
    "Public key of the server's own pair, instead of DIR/credentials.json. Needs --private-key.": (
        "服务端自身密钥对的公钥，代替 DIR/credentials.json；须同时指定 --private-key。"
    ),
    "Private key of that pair. Prefer UVIDEO_SERVE_PRIVATE_KEY: other users can read a command line.": (
        "该密钥对的私钥。建议改用 UVIDEO_SERVE_PRIVATE_KEY：其他用户看得到命令行。"
    ),
    "More key pairs of the server's own (JSON, mode 0600), for gateways whose pair is being replaced: "
    "docs/cluster.md.": ("服务端自身的其他密钥对（JSON，权限 0600），网关更换密钥对期间使用，见 docs/cluster.md。"),
    "Number of processes.": "进程数。",
    "Sync to disk before a write is acknowledged.": "写入落盘后才返回成功。",
    "Catalog: sqlite (in DIR), or postgresql://...": "目录数据库：sqlite（在 DIR 中），或 postgresql://...",
    "Storage of the objects' bytes: disk (in DIR), or s3://...": "对象数据的存储：disk（在 DIR 中），或 s3://...",
    "PEM file of the certificate chain.": "证书链的 PEM 文件。",
    "PEM file of its private key.": "证书私钥的 PEM 文件。",
    "File that is written when the server is ready (JSON).": "服务端就绪时写入的文件（JSON）。",
    "Seconds that the restore of an object of class ARCHIVE takes.": "归档对象解冻所需的秒数。",
    "Seconds for which a restored object can be read.": "解冻后可读取的秒数。",
    "Allow callbacks of uploads to this host, even if its address is not public. Repeatable.": (
        "允许上传回调该主机，即使它不是公网地址；可多次指定。"
    ),
    "Export a span of each request by OTLP, to where the variables OTEL_... point.": (
        "为每个请求生成一个 span，按 OTEL_... 环境变量以 OTLP 导出。"
    ),
    "Write a line of JSON for each request to stderr.": "每个请求向标准错误输出一行 JSON。",
    "Address or network of a trusted proxy: its Forwarded, X-Forwarded-For or PROXY protocol gives the client's "
    "address. Repeatable.": (
        "可信代理的地址或网段，客户端地址以它的 Forwarded、X-Forwarded-For 或 PROXY 协议为准；可多次指定。"
    ),
    "Most connections of each process; further ones are answered 503.": "每个进程的最大连接数，超出的返回 503。",
    "Most connections of each process from one address, except from this machine; further ones are answered 503.  "
    "0: no limit.": ("每个进程接受的来自同一地址（本机除外）的最大连接数，超出的返回 503；0 表示不限。"),
    "Seconds without a byte after which a connection is closed in the middle of a request or an answer.": (
        "请求或响应传输途中，连续这么多秒没有数据就断开连接。"
    ),
    "Lowest rate in bytes per second: the connection is closed if a request or an answer is slower for more than "
    "--idle seconds.  0: no limit.": (
        "最低速率（字节/秒）：请求或响应在超过 --idle 秒的时间里低于此速率，就断开连接；0 表示不限。"
    ),
    "Most requests per second of each key, in each process; further ones are answered 429.  0: no limit.": (
        "每个进程中，每个密钥每秒的最大请求数，超出的返回 429；0 表示不限。"
    ),
    "MiB of memory for the requests of all workers together, at least 16 for each worker; beyond that, requests "
    "use the disk or wait.": ("所有工作进程的请求合计可占用的内存（MiB），每个进程至少 16；超出时暂存到磁盘或等待。"),
    "MiB of the disk to keep free: uploads that would use them are answered 503, or 507 to S3 clients.": (
        "磁盘保留的空闲空间（MiB）：会占用这部分空间的上传返回 503，对 S3 客户端返回 507。"
    ),
    "Days for which files that the catalog does not name are kept before they are deleted; fewer if the disk runs "
    "full.": ("目录数据库中没有记录的文件，删除前保留的天数；磁盘将满时提前删除。"),
    "Abort unfinished uploads without a new part for this many days; 0: never.": (
        "中止超过这么多天没有新分片的未完成上传；0 表示从不。"
    ),
    "Seconds that a write waits while another program holds SQLite's lock; then it is answered 503.": (
        "SQLite 的锁被其他程序占用时，一次写入最多等待的秒数；超过后返回 503。"
    ),
    "Wrong signatures per minute that one address may send for one key; 0: no limit.": (
        "同一地址对同一密钥每分钟允许的错误签名次数；0 表示不限。"
    ),
    "Read and hash each object before it is sent; a damaged object is refused.": (
        "发送前先读取并校验对象，对象损坏则拒绝请求。"
    ),
    "Check each object for damage in the background, once in this many days; 0: never.": (
        "在后台检查对象是否损坏，每个对象每隔这么多天检查一次；0 表示不检查。"
    ),
    "MiB per second that this check reads at most.": "后台检查每秒最多读取的 MiB 数。",
    "For tests: file of faults to inject, TOML or JSON (docs/howto/testing.md).": (
        "测试用：要注入的故障，TOML 或 JSON 文件（见 docs/howto/testing.md）。"
    ),
    "URL at which browsers reach the data port, for example behind a proxy.": (
        "浏览器访问数据端口所用的 URL，例如服务端在反向代理之后时。"
    ),
    "Allow browser pages of this origin to use signed URLs, for example https://console.example.com. Repeatable.": (
        "允许该来源的网页使用签名链接，例如 https://console.example.com；可多次指定。"
    ),
    "Allow scripts in browser pages of this origin to make every call of the data port; * for any origin. "
    "Repeatable.": ("允许该来源网页中的脚本调用数据端口的全部接口，* 表示任意来源；可多次指定。"),
    "Accept signed URLs without Expires, which never expire, for GET and HEAD of their key.": (
        "接受不带 Expires、永不过期的签名链接，仅限对其所签对象的 GET 和 HEAD。"
    ),
    "Append a JSON line to this file for each change: who, what, from where, and the result.": (
        "每次更改向该文件追加一行 JSON：操作者、操作、来源地址、结果。"
    ),
    "Record reads and each part of an upload too.": "同时记录读操作和每个分片。",
    "this command needs {missing}, which is not installed: pip install 'uvideo[server]'": (
        "此命令需要 {missing}，尚未安装：pip install 'uvideo[server]'"
    ),
    "Maintain a server's folder, or a cluster.": "维护服务端的数据目录或集群。",
    "COMMAND is stats, fsck, gc, compact, backup, backed-up, restore, restart, adopt, migrate, keys, list-keys, "
    "add-key, remove-key, audit or upgraded; `uvideo admin help COMMAND` shows its options. Give the same DIR, "
    "--database and --blobs as to uvideo serve, or its --settings. Exit codes: 0 success, 1 damage was found, 2 "
    "the command failed.": (
        "COMMAND 可以是 stats、fsck、gc、compact、backup、backed-up、restore、restart、adopt、migrate、keys、\n"
        "list-keys、add-key、remove-key、audit 或 upgraded；`uvideo admin help COMMAND` 列出它的选项。\n"
        "DIR、--database 和 --blobs 与 uvideo serve 相同，也可以写在 --settings 的文件里。\n"
        "退出码：0 成功，1 发现损坏，2 执行失败。"
    ),
    "Settings file of the server, for settings that neither the command line nor the environment gives. Repeatable.": (
        "服务端的设置文件，命令行和环境变量都没有设置的项从中读取；可多次指定。"
    ),
    "Show what a server's folder contains:": "查看数据目录里的内容：",
    "Read all bytes and compare them with the etags:": "读取全部数据，与 ETag 核对：",
    "Back up a folder while its server runs:": "服务端运行时备份数据目录：",
    "Move from a folder to a database and a store:": "从数据目录迁移到数据库和对象存储：",
}
