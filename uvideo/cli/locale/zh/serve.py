"""Texts of `uvideo serve` and `uvideo admin`."""

WORDS = {
    "Serve object storage out of a folder.": "把一个文件夹作为对象存储提供服务。",
    "DIR is made if it is absent; by default it is uvideo-data.": "DIR 不存在时会自动新建，默认是 uvideo-data。",
    "Each option can be given as UVIDEO_SERVE_<NAME> too, DIR as UVIDEO_SERVE_DIR.  SIGTERM lets the requests in "
    "flight finish.": (
        "每个选项也可以用环境变量 UVIDEO_SERVE_<名称> 给出，DIR 用 UVIDEO_SERVE_DIR。\n"
        "收到 SIGTERM 后会先处理完正在进行的请求。"
    ),
    "Exit codes: 0 stopped, 1 failed, and starting again may help, 2 wrong settings, 3 stopped, and one of "
    "--faults never happened, 4 cannot start until somebody mends what the message says.": (
        "退出码：0 正常停止，1 失败，重新启动可能有效，2 配置错误，\n"
        "3 已停止，但 --faults 中有从未发生的故障，4 无法启动，须先按提示排除故障。"
    ),
    "SIGHUP, or a change of a file of --settings or of the certificate, has them read again; "
    "docs/operate.md says which settings count at once.": (
        "收到 SIGHUP，或 --settings 的文件或证书有改动时，会重新读取；\n哪些设置立即生效，见 docs/operate.md。"
    ),
    "Lines UVIDEO_SERVE_<NAME>=value for what is not given here or by the environment. Repeatable.": (
        "设置文件，每行一个 UVIDEO_SERVE_<名称>=值，优先级低于命令行和环境变量；可重复给出。"
    ),
    "How often it is looked whether these files or the certificate changed; 0: at SIGHUP only.": (
        "每隔多少秒检查这些文件和证书是否有改动；0 表示只在收到 SIGHUP 时读取。"
    ),
    "What is logged on stderr; debug says why each request was refused.": (
        "标准错误输出的日志级别；debug 会记录每个请求被拒绝的原因。"
    ),
    "On port 9000, with a key pair made on first start:": "使用 9000 端口，首次启动时生成一对密钥：",
    "On a free port; which one is in the ready file and on stdout:": "使用空闲端口，实际端口见就绪文件和标准输出：",
    "On all addresses, with TLS and two processes:": "监听所有地址，启用 TLS，两个进程：",
    "Address to listen on, of the data port.": "数据端口监听的地址。",
    "A name that clients reach the server by: no space or domain can take it. Repeatable.": (
        "客户端访问服务端所用的域名：空间和自定义域名都不能占用它；可重复给出。"
    ),
    "Address that this port listens on.": "管理端口监听的地址。",
    "0 picks a free one.": "端口，0 表示自动选择空闲端口。",
    "Console, health, metrics.": "控制台、健康检查与监控指标的端口。",
    "With --private-key: the key pair, instead of DIR/credentials.json.": (
        "与 --private-key 一起给出密钥对，代替 DIR/credentials.json。"
    ),
    "Better given as UVIDEO_SERVE_PRIVATE_KEY: others can read a command line.": (
        "最好用 UVIDEO_SERVE_PRIVATE_KEY 给出：命令行会被其他用户看到。"
    ),
    "More pairs of the server's own (JSON, mode 0600), for gateways that change theirs: docs/operate.md.": (
        "服务端自身的其他密钥对（JSON，权限 0600），供更换密钥的网关使用，见 docs/operate.md。"
    ),
    "Processes.": "进程数。",
    "Sync before acknowledging.": "落盘之后再应答。",
    "Where names are kept: sqlite (in DIR), postgresql://...": "元数据的存放位置：sqlite（在 DIR 中），或 postgresql://...",
    "Where bytes are kept: disk (in DIR), s3://...": "数据的存放位置：disk（在 DIR 中），或 s3://...",
    "PEM file of the certificate chain.": "证书链的 PEM 文件。",
    "PEM file of its private key.": "证书私钥的 PEM 文件。",
    "Written once the server answers (JSON).": "服务就绪后写入的文件（JSON）。",
    "Until a restored object of class ARCHIVE can be read.": "归档对象解冻所需的秒数。",
    "How long it then can be.": "解冻后可读取的秒数。",
    "Let uploads call this back although its address is not public. Repeatable.": (
        "允许上传回调到该主机，即使它不是公网地址；可重复给出。"
    ),
    "A span of each request, exported by OTLP as the variables OTEL_... say.": (
        "为每个请求生成一个 span，按 OTEL_... 环境变量以 OTLP 导出。"
    ),
    "JSON lines on stderr.": "在标准错误输出中每个请求记一行 JSON。",
    "Believe what this proxy (an address or a network) says of who sends: Forwarded, X-Forwarded-For, PROXY "
    "protocol. Repeatable.": (
        "可信代理的地址或网段：采信它通过 Forwarded、X-Forwarded-For 或 PROXY 协议给出的客户端地址；可重复给出。"
    ),
    "At once, in each process; more are answered 503.": "每个进程同时接受的连接数，超出的应答 503。",
    "Of those, from one address that is not this machine's own; more are answered 503.  0: any number.": (
        "其中来自同一地址（本机地址除外）的连接数上限，超出的应答 503；0 表示不限。"
    ),
    "Seconds without a byte until a connection is broken off in the middle of a request or an answer.": (
        "请求或响应传输中途无数据多少秒后断开连接。"
    ),
    "Bytes a second: a request or an answer that is slower over more than --idle seconds is broken off.  0: none.": (
        "最低速率（字节/秒）：请求或响应的平均速率在超过 --idle 秒后仍低于此值时断开连接；0 表示不限。"
    ),
    "Requests a second for each key, in each process; more are answered 429.  0: any number.": (
        "每个进程中每个密钥每秒的请求数，超出的应答 429；0 表示不限。"
    ),
    "MiB that all requests of all workers hold together, at least 16 for each worker; beyond that they go to the "
    "disk or wait.": ("所有工作进程的全部请求合计可占用的内存（MiB），每个进程至少 16；超出时暂存到磁盘或排队等待。"),
    "MiB of the disk that stay free: uploads are answered 503 before they would take them.": (
        "磁盘保留的空闲空间（MiB）：上传将要占用它时应答 503。"
    ),
    "How long what a sweep finds without a name is kept; less if the disk runs full.": (
        "清理时发现的、目录中没有记录的数据保留多少天；磁盘将满时会提前删除。"
    ),
    "Abort unfinished uploads that had no new part for so many days; 0: never.": (
        "中止超过这么多天没有新分片的未完成上传；0 表示从不。"
    ),
    "How long a write waits while another program holds SQLite's lock; then it is answered 503.": (
        "SQLite 的锁被其他程序占用时，一次写入最多等待的秒数；超过后返回 503。"
    ),
    "Wrong signatures a minute that one address may send for one key; 0: any number.": (
        "同一地址对同一密钥每分钟允许的错误签名次数；0 表示不限。"
    ),
    "Read and hash an object before its bytes are sent: damaged ones are refused.": (
        "发送前先读取并校验对象，损坏的拒绝发送。"
    ),
    "Look for damaged objects in the background, each once in so many days; 0: never.": (
        "在后台查找损坏的对象，每个对象每隔这么多天检查一次；0 表示不检查。"
    ),
    "MiB a second that this reads at most.": "后台检查每秒最多读取的 MiB 数。",
    "For tests: what shall go wrong, TOML or JSON (docs/howto/testing.md).": (
        "测试用：要制造的故障，TOML 或 JSON 文件（见 docs/howto/testing.md）。"
    ),
    "Where browsers reach the data port, for example behind a proxy.": "浏览器访问数据端口的地址，例如在反向代理之后。",
    "Let browser pages of this origin use signed URLs, as https://console.example.com. Repeatable.": (
        "允许该来源的网页使用签名 URL，如 https://console.example.com；可重复给出。"
    ),
    "Let programs in browser pages of this origin make every call of the data port; * for any origin. Repeatable.": (
        "允许该来源网页中的程序调用数据端口的全部接口，* 表示任意来源；可重复给出。"
    ),
    "Serve signed URLs without Expires, which never end, for GET and HEAD of their key.": (
        "接受不带 Expires、永不过期的签名 URL，仅限对其所签对象的 GET 和 HEAD。"
    ),
    "Append a JSON line for each change: who, what, from where, and how it ended.": (
        "为每次更改追加一行 JSON：谁、做了什么、从哪里、结果如何。"
    ),
    "Record what only reads, and each part of an upload, too.": "读操作和每个分片也记录。",
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
        "DIR、--database 和 --blobs 与 uvideo serve 相同，也可以用 --settings 给出。\n"
        "退出码：0 成功，1 发现损坏，2 执行失败。"
    ),
    "Settings file of the server, for settings that neither the command line nor the environment gives. Repeatable.": (
        "服务端的设置文件，命令行和环境变量都没有给出的设置从中读取；可重复给出。"
    ),
    "Show what a server's folder contains:": "查看数据目录里的内容：",
    "Read all bytes and compare them with the etags:": "读取全部数据，与 ETag 核对：",
    "Back up a folder while its server runs:": "服务端运行时备份数据目录：",
    "Move from a folder to a database and a store:": "从数据目录迁移到数据库和对象存储：",
}
