"""The texts of the core's table of causes: why there was no response from the service, and what to do."""

WORDS = {
    "no answer from {origin} ({text})": "{origin} 没有响应（{text}）",
    "{text}; {remedy}": "{text}；{remedy}",
    # 无法连接主机
    "no connection: the name does not resolve ({reason})": "无法连接：域名无法解析（{reason}）",
    "check the endpoint, the region and this network's DNS": "请检查 endpoint、region 和当前网络的 DNS",
    "the host or the port of the endpoint is invalid: {reason}": "endpoint 的主机名或端口无效：{reason}",
    "correct the endpoint": "请改正 endpoint",
    "no connection: {reason}": "无法连接：{reason}",
    "check the port, and whether the service runs there": "请检查端口，以及服务端是否已启动",
    "check the network, the VPN and the firewall": "请检查网络、VPN 和防火墙",
    "this program cannot open a connection: {reason}": "本程序无法建立连接：{reason}",
    "raise the limit of open files: ulimit -n": "请调高同时打开的文件数上限：ulimit -n",
    "no connection in time": "连接超时",
    "check host and port; a firewall may block the connection": "请检查主机和端口；连接可能被防火墙拦截",
    # 代理
    "the name of the proxy {proxy} does not resolve: {reason}": "代理 {proxy} 的域名无法解析：{reason}",
    "check {proxies}": "请检查 {proxies}",
    "the host or the port of the proxy is invalid: {reason}": "代理的主机名或端口无效：{reason}",
    "correct {proxies}": "请改正 {proxies}",
    "the proxy {proxy} accepts no connection: {reason}": "代理 {proxy} 拒绝连接：{reason}",
    "no connection to the proxy {proxy}: {reason}": "无法连接代理 {proxy}：{reason}",
    "check the network, the VPN and {proxies}": "请检查网络、VPN 和 {proxies}",
    "no connection to the proxy {proxy} in time": "连接代理 {proxy} 超时",
    "check the network and {proxies}": "请检查网络和 {proxies}",
    "the proxy {proxy} sent no data for too long": "代理 {proxy} 长时间没有响应",
    "check that {proxies} is the URL of an HTTP proxy": "请检查 {proxies} 是否为 HTTP 代理的 URL",
    "check the kind of the proxy in {proxies}": "请检查 {proxies} 中的代理类型",
    "{proxies} is not the URL of a proxy": "{proxies} 不是代理的 URL",
    "write http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT; USER:PASSWORD@ may stand before HOST": (
        "请写成 http://HOST:PORT、https://HOST:PORT 或 socks5h://HOST:PORT，HOST 前可加 USER:PASSWORD@"
    ),
    "the proxy {proxy} is a SOCKS proxy, and PySocks is not installed": (
        "代理 {proxy} 是 SOCKS 代理，但没有安装 PySocks"
    ),
    "run pip install 'uvideo[socks]', or install PySocks": "请运行 pip install 'uvideo[socks]'，或安装 PySocks",
    "the SOCKS proxy {proxy} requires a user name and a password, or refuses the given ones: {reason}": (
        "SOCKS 代理 {proxy} 要求用户名和密码，或者用户名、密码不正确：{reason}"
    ),
    "write them in {proxies}: socks5h://USER:PASSWORD@HOST:PORT": (
        "请写入 {proxies}：socks5h://USER:PASSWORD@HOST:PORT"
    ),
    "the SOCKS proxy {proxy} forbids this connection: {reason}": "SOCKS 代理 {proxy} 禁止此连接：{reason}",
    "the SOCKS proxy {proxy} cannot make this connection: {reason}": "SOCKS 代理 {proxy} 无法建立此连接：{reason}",
    "write socks5h:// in {proxies}, then the proxy resolves host names": (
        "请在 {proxies} 中写 socks5h://，由代理解析域名"
    ),
    "the SOCKS proxy {proxy} cannot reach the service: {reason}": "SOCKS 代理 {proxy} 无法连接服务端：{reason}",
    "the answer of the proxy {proxy} is not SOCKS: {reason}": "代理 {proxy} 返回的不是 SOCKS 协议：{reason}",
    "correct the scheme in {proxies}": "请改正 {proxies} 中的协议",
    "the proxy {proxy} ended the connection without an answer: {reason}": "代理 {proxy} 未响应就断开了连接：{reason}",
    "the answer of the proxy {proxy} is not HTTP: {reason}": "代理 {proxy} 返回的不是 HTTP 协议：{reason}",
    "the proxy {proxy} requires a user name and a password: 407": "代理 {proxy} 要求用户名和密码：407",
    "write them in {proxies}: http://USER:PASSWORD@HOST:PORT": "请写入 {proxies}：http://USER:PASSWORD@HOST:PORT",
    "the proxy {proxy} refuses the given user name and password: 407": ("代理 {proxy} 的用户名或密码不正确：407"),
    "correct them in {proxies}": "请在 {proxies} 中改正",
    "the proxy {proxy} forbids this connection: {status}": "代理 {proxy} 禁止此连接：{status}",
    "ask its administrator to allow the host": "请联系代理管理员放行该主机",
    "the proxy {proxy} does not allow HTTPS connections: {status}": "代理 {proxy} 不允许 HTTPS 连接：{status}",
    "check that {proxies} is the right proxy": "请检查 {proxies} 中的代理是否正确",
    "the proxy {proxy} cannot reach the service: {status}": "代理 {proxy} 无法连接服务端：{status}",
    "try again later; if it persists, ask the administrator of the proxy": "请稍后重试；若持续出现，请联系代理管理员",
    "the proxy {proxy} answers {status} to CONNECT": "代理 {proxy} 对 CONNECT 返回 {status}",
    "the proxy {proxy} is an https:// proxy, and this Python does not support TLS inside of TLS": (
        "代理 {proxy} 是 https:// 代理，而当前 Python 不支持在 TLS 中再建立 TLS"
    ),
    "use an http:// proxy, or Python 3 (3.11 for AsyncClient)": (
        "请使用 http:// 代理，或使用 Python 3（AsyncClient 需要 3.11）"
    ),
    # 证书
    "the certificate from {peer} is not trusted: it is self-signed ({reason})": (
        "{peer} 的证书不受信任：是自签名证书（{reason}）"
    ),
    "if it is your own, set {bundle} to its file": "如果是你自己的证书，请把 {bundle} 设为该证书文件",
    "the certificate from {peer} is not trusted: this machine does not know its authority ({reason})": (
        "{peer} 的证书不受信任：本机不认识签发它的 CA（{reason}）"
    ),
    "set {bundle} to a file with the certificate of this authority": "请把 {bundle} 设为包含该 CA 证书的文件",
    "the certificate from {peer} is not trusted: it has expired by the clock of this machine ({reason})": (
        "{peer} 的证书不受信任：按本机时钟它已过期（{reason}）"
    ),
    "check the clock; if it is right, the certificate must be renewed": "请检查本机时钟；如果时钟准确，需要更新证书",
    "the certificate from {peer} is not trusted: it is not yet valid by the clock of this machine ({reason})": (
        "{peer} 的证书不受信任：按本机时钟它尚未生效（{reason}）"
    ),
    "set the clock of this machine": "请校准本机时钟",
    "the certificate from {peer} is not trusted: it is for another host name ({reason})": (
        "{peer} 的证书不受信任：它属于其他主机名（{reason}）"
    ),
    "use the host name in the certificate, or get a certificate for this host name": (
        "请改用证书上的主机名，或为当前主机名签发证书"
    ),
    "the certificate from {peer} is not trusted: {reason}": "{peer} 的证书不受信任：{reason}",
    "check the clock of this machine and the authorities in {bundle}": "请检查本机时钟和 {bundle} 中的 CA",
    # TLS
    "the answer of {peer} is not TLS; perhaps it is plain HTTP: {reason}": (
        "{peer} 返回的不是 TLS 协议，可能是明文 HTTP：{reason}"
    ),
    "correct the host and the port; write http:// only if the service has no TLS": (
        "请改正主机和端口；只有服务端确实不用 TLS 时才写 http://"
    ),
    "{peer} and this machine support no common version or cipher of TLS: {reason}": (
        "{peer} 与本机没有共同支持的 TLS 版本或加密套件：{reason}"
    ),
    "TLS 1.2 or newer must be enabled there": "请在对方启用 TLS 1.2 或更高版本",
    "{peer} has no TLS for this host name: {reason}": "{peer} 上没有该主机名的 TLS 服务：{reason}",
    "correct the host in the endpoint": "请改正 endpoint 中的主机",
    "{peer} refuses the TLS handshake: {reason}": "{peer} 拒绝 TLS 握手：{reason}",
    "if it requires a client certificate, set client_cert": "如果对方要求客户端证书，请设置 client_cert",
    "{peer} requires a client certificate: {reason}": "{peer} 要求客户端证书：{reason}",
    "set client_cert": "请设置 client_cert",
    "{peer} refuses the client certificate: {reason}": "{peer} 拒绝了客户端证书：{reason}",
    "set client_cert to a certificate that it trusts": "请在 client_cert 中改用对方信任的证书",
    "{peer} ended the connection in the TLS handshake: {reason}": "{peer} 在 TLS 握手时断开了连接：{reason}",
    "a firewall may block the connection, or the port is not a TLS port": (
        "连接可能被防火墙拦截，或者该端口不是 TLS 端口"
    ),
    "{peer} sent no data for too long in the TLS handshake": "{peer} 在 TLS 握手时长时间没有响应",
    "TLS with {peer} failed: {reason}": "与 {peer} 的 TLS 连接出错：{reason}",
    "try another network, without a proxy": "请换一个网络试试，不要经过代理",
    # 请求已发出
    "no data for too long": "长时间没有响应",
    "on a slow network raise timeout (in the SDK: connection_timeout)": (
        "网络较慢时请增大 timeout（SDK 中为 connection_timeout）"
    ),
    "the answer was not complete in time": "未在限定时间内收到完整响应",
    "raise attempt_timeout, total_timeout or deadline": ("请增大 attempt_timeout、total_timeout 或 deadline"),
    "the connection broke: {reason}": "连接中断：{reason}",
    "if the server uses TLS, write https:// before the host; otherwise check the network, and try again": (
        "如果服务端使用 TLS，请在主机前写 https://；否则请检查网络后重试"
    ),
    "check the network, and try again": "请检查网络后重试",
    "the answer of {peer} is not HTTP: {reason}": "{peer} 返回的不是 HTTP 协议：{reason}",
    "check scheme and port of the endpoint": "请检查 endpoint 的协议和端口",
    # 响应来自别处
    "the answer {status} is not from the service: it redirects to {reason}": (
        "返回 {status} 的不是服务端：它重定向到 {reason}"
    ),
    "set the endpoint to the scheme and host of the service itself": "请把 endpoint 设为服务端本身的协议和主机",
    "open a web page: the network may require a login": "请打开任意网页看看：当前网络可能需要先登录",
    "the answer {status} is not from the service: {reason}": "返回 {status} 的不是服务端：{reason}",
    "check the endpoint and the proxy, and whether the network requires a login": (
        "请检查 endpoint 和代理，以及当前网络是否需要登录"
    ),
    "try again later; if it persists, ask the administrator of the gateway or the proxy": (
        "请稍后重试；若持续出现，请联系网关或代理的管理员"
    ),
    "a gateway before the service refuses a body of this length: {status}, {reason}": (
        "请求体太长，被服务端前面的网关拒绝：{status}，{reason}"
    ),
    "raise its limit (nginx: client_max_body_size) to more than 4 MiB": (
        "请把它的上限（nginx 的 client_max_body_size）调到 4 MiB 以上"
    ),
    "a gateway or proxy before the service changed the answer: {reason}, which the client did not request": (
        "服务端前面的网关或代理改动了响应：{reason}，而客户端并未请求"
    ),
    "disable its compression for this host, or bypass it with https:// or no_proxy": (
        "请让它对该主机关闭压缩，或用 https:// 或 no_proxy 绕过它"
    ),
    "a proxy on the way requires a user name and a password: 407": "中间的代理要求用户名和密码：407",
    "write them in the proxy's URL: http://USER:PASSWORD@HOST:PORT": (
        "请写入代理的 URL：http://USER:PASSWORD@HOST:PORT"
    ),
}
