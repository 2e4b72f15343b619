"""The texts of the core's table of causes: why there was no response from the service, and what to do."""

WORDS = {
    # 无法连接主机
    "no connection: the name does not resolve ({reason})": "无法连接：域名无法解析（{reason}）",
    "check the endpoint, the region and this network's DNS": "请检查 endpoint、region 和当前网络的 DNS",
    "that cannot be a host and a port: {reason}": "主机名或端口无效：{reason}",
    "correct the endpoint": "请改正 endpoint",
    "no connection: {reason}": "无法连接：{reason}",
    "is the port right, and does the service run there?": "端口是否正确？服务是否已在该处启动？",
    "check the network, the VPN and the firewall": "请检查网络、VPN 和防火墙",
    "this program cannot open a connection: {reason}": "本程序无法建立连接：{reason}",
    "let it open more files at once: ulimit -n": "请调高同时打开的文件数上限：ulimit -n",
    "no connection in time": "连接超时",
    "a firewall may be in the way: check host and port": "可能被防火墙阻挡：请检查主机和端口",
    # 代理
    "the name of the proxy {proxy} does not resolve: {reason}": "代理 {proxy} 的域名无法解析：{reason}",
    "check {proxies}": "请检查 {proxies}",
    "that cannot be the host and the port of a proxy: {reason}": "代理的主机名或端口无效：{reason}",
    "correct {proxies}": "请改正 {proxies}",
    "the proxy {proxy} takes no connection: {reason}": "代理 {proxy} 拒绝连接：{reason}",
    "no connection to the proxy {proxy}: {reason}": "无法连接代理 {proxy}：{reason}",
    "check the network, the VPN and {proxies}": "请检查网络、VPN 和 {proxies}",
    "no connection to the proxy {proxy} in time": "连接代理 {proxy} 超时",
    "check the network and {proxies}": "请检查网络和 {proxies}",
    "the proxy {proxy}: silence for too long": "代理 {proxy} 长时间没有响应",
    "is it an HTTP proxy? check {proxies}": "它是 HTTP 代理吗？请检查 {proxies}",
    "is it a proxy of that kind? check {proxies}": "它是这一类代理吗？请检查 {proxies}",
    "{proxies} holds no URL of a proxy": "{proxies} 不是代理的 URL",
    "write http://, https:// or socks5h://, perhaps USER:PASSWORD@, and HOST:PORT": (
        "请写成 http://、https:// 或 socks5h://，可加 USER:PASSWORD@，再写 HOST:PORT"
    ),
    "the proxy {proxy} is a SOCKS proxy, and PySocks is not installed": (
        "代理 {proxy} 是 SOCKS 代理，但没有安装 PySocks"
    ),
    "pip install 'uvideo[socks]', or PySocks": "请运行 pip install 'uvideo[socks]'，或安装 PySocks",
    "the SOCKS proxy {proxy} refuses the user and the password, or wants them: {reason}": (
        "SOCKS 代理 {proxy} 不接受用户名和密码，或要求提供：{reason}"
    ),
    "name them in {proxies}: socks5h://USER:PASSWORD@HOST:PORT": (
        "请写入 {proxies}：socks5h://USER:PASSWORD@HOST:PORT"
    ),
    "the SOCKS proxy {proxy} forbids this connection: {reason}": "SOCKS 代理 {proxy} 禁止此连接：{reason}",
    "the SOCKS proxy {proxy} cannot make this connection: {reason}": "SOCKS 代理 {proxy} 无法建立此连接：{reason}",
    "with socks5h:// in {proxies} the proxy looks names up": "{proxies} 写成 socks5h:// 时由代理解析域名",
    "the SOCKS proxy {proxy} does not reach the service: {reason}": "SOCKS 代理 {proxy} 无法连接服务端：{reason}",
    "what the proxy {proxy} answers is not SOCKS: {reason}": "代理 {proxy} 的响应不是 SOCKS：{reason}",
    "correct the scheme in {proxies}": "请改正 {proxies} 中的协议",
    "the proxy {proxy} ended the connection without an answer: {reason}": "代理 {proxy} 未响应就断开了连接：{reason}",
    "what the proxy {proxy} answers is not HTTP: {reason}": "代理 {proxy} 的响应不是 HTTP：{reason}",
    "the proxy {proxy} asks for a user and a password: 407": "代理 {proxy} 要求用户名和密码：407",
    "name them in {proxies}: http://USER:PASSWORD@HOST:PORT": "请写入 {proxies}：http://USER:PASSWORD@HOST:PORT",
    "the proxy {proxy} refuses the user and the password that it was given: 407": (
        "代理 {proxy} 不接受给出的用户名和密码：407"
    ),
    "correct them in {proxies}": "请在 {proxies} 中改正",
    "the proxy {proxy} forbids this connection: {status}": "代理 {proxy} 禁止此连接：{status}",
    "ask who runs it to allow the host": "请联系代理管理员放行该主机",
    "the proxy {proxy} makes no connections for HTTPS: {status}": "代理 {proxy} 不为 HTTPS 建立连接：{status}",
    "is it the right proxy? check {proxies}": "代理是否写对？请检查 {proxies}",
    "the proxy {proxy} does not reach the service: {status}": "代理 {proxy} 无法连接服务端：{status}",
    "try again later; if it lasts, ask who runs the proxy": "请稍后重试；若持续出现，请联系代理管理员",
    "the proxy {proxy} answers {status} to CONNECT": "代理 {proxy} 对 CONNECT 返回 {status}",
    "the proxy {proxy} speaks TLS itself, and this Python cannot speak TLS inside of TLS": (
        "代理 {proxy} 本身使用 TLS，而当前 Python 不支持在 TLS 中再建立 TLS"
    ),
    "use an http:// proxy, or Python 3 (3.11 for AsyncClient)": (
        "请使用 http:// 代理，或使用 Python 3（AsyncClient 需要 3.11）"
    ),
    # 证书
    "the certificate from {peer} is not trusted: it is self-signed ({reason})": (
        "{peer} 的证书不受信任：是自签名证书（{reason}）"
    ),
    "if it is yours, name its file in {bundle}": "如果是你自己的证书，请在 {bundle} 中指定其文件",
    "the certificate from {peer} is not trusted: its authority is not known here ({reason})": (
        "{peer} 的证书不受信任：签发它的 CA 未知（{reason}）"
    ),
    "name a file with the certificate of this authority in {bundle}": "请在 {bundle} 中指定包含该 CA 证书的文件",
    "the certificate from {peer} is not trusted: it has ended by the clock of this machine ({reason})": (
        "{peer} 的证书不受信任：按本机时钟它已过期（{reason}）"
    ),
    "have it renewed, if the clock is right": "如果本机时钟准确，请联系对方更新证书",
    "the certificate from {peer} is not trusted: it has not begun by the clock of this machine ({reason})": (
        "{peer} 的证书不受信任：按本机时钟它尚未生效（{reason}）"
    ),
    "set the clock of this machine": "请校准本机时钟",
    "the certificate from {peer} is not trusted: it is for another name ({reason})": (
        "{peer} 的证书不受信任：它属于其他主机名（{reason}）"
    ),
    "write the name that the certificate has, or have one made for this name": (
        "请改用证书上的主机名，或为当前主机名签发证书"
    ),
    "the certificate from {peer} is not trusted: {reason}": "{peer} 的证书不受信任：{reason}",
    "check the clock of this machine and the authorities in {bundle}": "请检查本机时钟和 {bundle} 中的 CA",
    # TLS
    "{peer} does not speak TLS, perhaps plain HTTP: {reason}": "{peer} 不支持 TLS，可能是明文 HTTP：{reason}",
    "correct the host and the port, or write http:// where there is to be no TLS": (
        "请改正主机和端口；确实不使用 TLS 时才写 http://"
    ),
    "{peer} and this machine have no version or cipher of TLS in common: {reason}": (
        "{peer} 与本机没有共同支持的 TLS 版本或加密套件：{reason}"
    ),
    "have TLS 1.2 or newer switched on there": "请在对方启用 TLS 1.2 或更高版本",
    "{peer} serves no such name by TLS: {reason}": "{peer} 不提供该主机名的 TLS 服务：{reason}",
    "correct the host in the endpoint": "请改正 endpoint 中的主机",
    "{peer} refuses the TLS handshake: {reason}": "{peer} 拒绝 TLS 握手：{reason}",
    "if it asks for a certificate of the client, set client_cert": "如果对方要求客户端证书，请设置 client_cert",
    "{peer} asks for a certificate of the client: {reason}": "{peer} 要求客户端证书：{reason}",
    "set client_cert": "请设置 client_cert",
    "{peer} refuses the certificate of the client: {reason}": "{peer} 不接受客户端证书：{reason}",
    "set client_cert to one that it trusts": "请在 client_cert 中改用对方信任的证书",
    "{peer} ended the connection in the TLS handshake: {reason}": "{peer} 在 TLS 握手时断开了连接：{reason}",
    "a firewall may be in the way, or the port is not one for TLS": "可能被防火墙阻挡，或该端口不是 TLS 端口",
    "{peer}: silence for too long in the TLS handshake": "{peer} 在 TLS 握手时长时间没有响应",
    "TLS with {peer} failed: {reason}": "与 {peer} 的 TLS 出错：{reason}",
    "try another network, without a proxy": "请换一个网络试试，不要经过代理",
    # 请求已发出
    "silence for too long": "长时间没有响应",
    "where the network is slow, allow more time: timeout, in the SDK connection_timeout": (
        "网络较慢时请增大 timeout（SDK 中为 connection_timeout）"
    ),
    "the answer was not complete in time": "未在限定时间内收到完整响应",
    "allow more time: attempt_timeout, total_timeout or deadline": (
        "请增大 attempt_timeout、total_timeout 或 deadline"
    ),
    "the connection broke: {reason}": "连接中断：{reason}",
    "check the network, and try again": "请检查网络后重试",
    "what came from {peer} is not HTTP: {reason}": "{peer} 的响应不是 HTTP：{reason}",
    "check scheme and port of the endpoint": "请检查 endpoint 的协议和端口",
    # 响应来自别处
    "something that is not the service answers {status}: it points to {reason}": (
        "响应 {status} 不是来自服务端：它指向 {reason}"
    ),
    "name the host and the scheme of the service itself in the endpoint": "请在 endpoint 中写服务端本身的主机和协议",
    "open a web page: the network may want you to log in": "请打开一个网页：当前网络可能需要登录",
    "something that is not the service answers {status}: {reason}": "响应 {status} 不是来自服务端：{reason}",
    "check the endpoint and the proxy, and whether the network wants you to log in": (
        "请检查 endpoint 和代理，以及当前网络是否需要登录"
    ),
    "try again later; if it lasts, ask who runs the gateway or the proxy": (
        "请稍后重试；若持续出现，请联系网关或代理的管理员"
    ),
    "something before the service takes no body of this length: {status}, {reason}": (
        "服务端前面的网关不接受这么长的请求体：{status}，{reason}"
    ),
    "raise its limit, which nginx calls client_max_body_size, to more than 4 MiB": (
        "请把它的上限（nginx 中为 client_max_body_size）调到 4 MiB 以上"
    ),
    "something before the service changes what it answers: {reason}, which nobody asked for": (
        "服务端前面有环节改动了响应：{reason}，而客户端并未请求"
    ),
    "switch compression off there for this host, or go past it by https:// or no_proxy": (
        "请在那里对这个主机关闭压缩，或用 https:// 或 no_proxy 绕过它"
    ),
    "a proxy on the way asks for a user and a password: 407": "途中的代理要求用户名和密码：407",
    "write them into the proxy's URL: http://USER:PASSWORD@HOST:PORT": (
        "请写入代理的 URL：http://USER:PASSWORD@HOST:PORT"
    ),
}
