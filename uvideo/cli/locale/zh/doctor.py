"""Texts of doctor."""

WORDS = {
    "Check a set-up step by step, and explain refusals and links.": "逐步检查配置，解释拒绝原因和签名链接。",
    "Checks the configuration file, the keys, and where each setting comes from. Checks the name, connection and "
    "certificate of each host, and the clock. Lists spaces and objects. With --space it also stores, reads and "
    "removes a small object there. With a URL it explains what a signed link opens and until when, without a "
    "request. No private key and no signature is printed, so you can show the output to others.": (
        "检查配置文件、密钥以及每项设置的来源，检查各主机的域名解析、连接和证书，检查时钟，\n"
        "再列出空间和对象。指定 --space 时，还会在该空间写入、读取并删除一个小对象。\n"
        "指定 URL 时，说明签名链接指向什么、何时过期，不发送请求。\n"
        "输出中没有私钥和签名，可以放心发给别人看。"
    ),
    "Exit codes: 0 nothing failed, 3 keys are refused, 1 something else failed.": (
        "退出码：0 没有失败项，3 密钥被拒绝，1 其他失败。"
    ),
    "Check the whole set-up:": "检查整个配置：",
    "Also store and read a small object:": "并存取一个小对象：",
    "Explain a link that does not work:": "检查打不开的链接：",
    "Count the failures, for a program:": "统计失败项，供程序使用：",
    "Store, read and remove a small object in this space.": "在该空间写入、读取并删除一个小对象。",
    "give a URL or --space, not both": "URL 与 --space 不能同时使用",
    "ok": "正常",
    "warning": "警告",
    "failed": "失败",
    "skipped": "跳过",
    "string to sign, as computed here (without the keys):": "本地计算的待签名字符串（已去掉密钥）：",
    "{days} d {hours} h": "{days} 天 {hours} 小时",
    # The subject of each step
    "configuration file": "配置文件",
    "its permissions": "文件权限",
    "settings": "设置",
    "key pair": "密钥",
    "upload host": "上传主机",
    "upload host: name": "上传主机：域名",
    "upload host: connection": "上传主机：连接",
    "upload host: TLS": "上传主机：TLS",
    "download host": "下载主机",
    "download host: name": "下载主机：域名",
    "download host: connection": "下载主机：连接",
    "download host: TLS": "下载主机：TLS",
    "management host": "管理主机",
    "management host: name": "管理主机：域名",
    "management host: connection": "管理主机：连接",
    "management host: TLS": "管理主机：TLS",
    "clock": "时钟",
    "spaces listed": "列出空间",
    "objects listed": "列出对象",
    "object stored, read, removed": "写入、读取、删除对象",
    "link": "链接",
    "its transport": "传输方式",
    "its parameters": "参数",
    "its time": "有效期",
    "its signature": "签名",
    # Findings
    "there is no file {path}; that is fine if variables or options give all settings": (
        "{path} 不存在；如果全部设置都来自环境变量或选项，则没有问题"
    ),
    "{path} cannot be read: {reason}": "无法读取 {path}：{reason}",
    "{path}, profiles: {profiles}": "{path}，其中的 profile：{profiles}",
    "{path} belongs to another user, who can change it": "{path} 属于其他用户，对方可以修改它",
    "others can read {path} (mode {mode})": "其他用户可以读取 {path}（权限 {mode}）",
    "others can replace files in {path}": "其他用户可以替换 {path} 里的文件",
    "nobody else can read it": "其他用户无法读取",
    "there is no key pair: only public spaces can be read": "没有密钥，只能读取公开空间",
    "{public_key}, from {from}": "{public_key}，来自 {from}",
    "public and private key are the same": "公钥和私钥相同",
    "the private key contains blanks, which were probably copied with it": "私钥中有空白字符，可能是复制时带入的",
    "{public_key} is a temporary key, and its security_token is missing": (
        "{public_key} 是临时密钥，但缺少 security_token"
    ),
    "{host} has the addresses {addresses}": "{host} 解析为 {addresses}",
    "{host} answers in {duration}": "{host} 连接用时{duration}",
    "the proxy {proxy} answers in {duration}": "代理 {proxy} 连接用时{duration}",
    "{version}, the certificate expires in {days} days": "{version}，证书还有 {days} 天到期",
    "not used, because the host is this machine": "未使用：主机就是本机",
    "not used: others can read the traffic to {host}": "未使用：与 {host} 之间的流量可能被他人看到",
    "the certificate of {host} expires in {days} days": "{host} 的证书还有 {days} 天到期",
    "no TLS with {host}: {reason}": "无法与 {host} 建立 TLS：{reason}",
    "it has no host": "没有可用的主机",
    "{difference} different from the service's": "与服务端相差{difference}",
    "less than a second": "不到一秒",
    "at most {seconds} s": "不超过 {seconds} 秒",
    "{seconds} s": " {seconds} 秒",
    "{seconds} s ahead of the service's: links of uvideo presign are valid for this much longer": (
        "比服务端快 {seconds} 秒：uvideo presign 生成的链接有效期会相应延长"
    ),
    "{seconds} s behind the service's: links of uvideo presign expire this much earlier": (
        "比服务端慢 {seconds} 秒：uvideo presign 生成的链接有效期会相应缩短"
    ),
    "the service does not report its time": "服务端的响应里没有时间",
    "the service accepts the key pair; spaces: {count}": "服务端接受该密钥，空间数：{count}",
    "the account has no space yet": "该账号还没有空间",
    "the spaces could not be listed; give --space NAME to test a space": (
        "未能列出空间；用 --space 空间名 可测试指定的空间"
    ),
    "give --space NAME to test this in a space": "用 --space 空间名 可在该空间中测试",
    "uvideo://{space} can be listed": "uvideo://{space} 可以列出",
    "in uvideo://{space}, {seconds} s in all": "在 uvideo://{space} 中，共用 {seconds} 秒",
    "the content read from uvideo://{space} differs from the stored content": (
        "从 uvideo://{space} 读到的内容与写入的不一致"
    ),
    "uvideo://{space}/{left} could not be removed": "uvideo://{space}/{left} 未能删除",
    "opens uvideo://{space}/{key} on {host}": "指向 {host} 上的 uvideo://{space}/{key}",
    "it uses http: whoever can read the traffic can use the link too": (
        "使用 http 明文传输：能看到流量的人也能使用该链接"
    ),
    "it contains &amp; instead of &: it was copied from the source of a web page": (
        "其中的 & 变成了 &amp;：是从网页源代码里复制出来的"
    ),
    "it is not signed: it opens objects of public spaces only": "没有签名，只能打开公开空间的对象",
    "{missing} is missing: the link was truncated, or used in a shell without quotes": (
        "缺少 {missing}：可能被截断，或在 shell 里没有加引号"
    ),
    "Expires is {expires}, which is not a valid time": "Expires 的值是 {expires}，不是有效时间",
    "by the clock of this machine it expired {when}, {time} ago": "按本机时钟，已于 {when} 过期（{time} 之前）",
    "by the clock of this machine it is valid until {when}, for {time} more": (
        "按本机时钟，有效期到 {when}，还剩 {time}"
    ),
    "there is no expiry: only a server that allows such links accepts it, or the link was truncated": (
        "没有有效期：只有允许永久链接的服务端才接受，也可能是链接被截断"
    ),
    "it is valid for more than ten years, which is probably a mistake": "有效期超过十年，很可能设错了",
    "the signature was truncated or changed by copying": "签名被截断，或在复制时被改动",
    "signed by {public_key}, which is not the configured key pair: it cannot be verified here": (
        "由 {public_key} 签名，不是当前配置的密钥，无法在此验证"
    ),
    "valid, for {method}": "有效，用于 {method}",
    "invalid: the configured key pair did not sign this link": "无效：不是由当前配置的密钥签名的",
    # Advice
    "There are no keys: set UVIDEO_PUBLIC_KEY and UVIDEO_PRIVATE_KEY, or run uvideo config init.": (
        "没有密钥：请设置 UVIDEO_PUBLIC_KEY 和 UVIDEO_PRIVATE_KEY，或运行 uvideo config init。"
    ),
    "The service requires a signature but got none: the space may belong to another account.": (
        "服务端要求签名，而请求没有签名：该空间可能属于其他账号。"
    ),
    "The Authorization header was lost on the way: try without the proxy.": (
        "Authorization 标头在中途丢失：请绕过代理再试一次。"
    ),
    "The clock of this machine is wrong: set it (timedatectl set-ntp true).": (
        "本机时钟不准，请校准（timedatectl set-ntp true）。"
    ),
    "The link has expired: create a new one, with a longer --expires.": (
        "链接已过期：请重新生成，并用更长的 --expires。"
    ),
    "The private key has blanks at its ends: set it again (uvideo config set private_key).": (
        "私钥首尾有空白字符：请重新设置（uvideo config set private_key）。"
    ),
    "The private key does not belong to this public key: copy both completely from the console again.": (
        "私钥与公钥不配对：请从控制台重新完整复制两者。"
    ),
    "The private key does not belong to this public key: copy both again from the server's credentials.json, or from "
    "the file that uvideo admin add-key wrote.": (
        "私钥与公钥不配对：请从服务端的 credentials.json，或从 uvideo admin add-key 写出的文件，重新复制两者。"
    ),
    "The service may expect another scheme word: set word to UCloud or AutoAI.": (
        "服务端可能使用另一个签名前缀：请把 word 设为 UCloud 或 AutoAI。"
    ),
    "The host may belong to another space or provider than the one that was signed: compare the text below.": (
        "主机可能属于另一个空间或服务商，与签名的不一致：请对照下面的文本。"
    ),
    'Something on the way changes requests, for example a proxy: try without it (proxy = "").': (
        '中途有设备改动了请求，例如代理：请绕过代理再试（proxy = ""）。'
    ),
    "The service does not know this public key: it was mistyped, disabled or deleted.": (
        "服务端不认识该公钥：可能输错，或已被停用、删除。"
    ),
    "The key belongs to another service: check provider and endpoint.": (
        "该密钥属于另一个服务：请检查 provider 和 endpoint。"
    ),
    "The token was deleted or has expired: make a new one, or use the account's key pair.": (
        "令牌已删除或过期：请新建令牌，或使用账号密钥。"
    ),
    "A token may not manage spaces: use the account's key pair for that.": "令牌不能管理空间：请使用账号密钥。",
    "The token does not allow this: check its operations, prefixes, spaces, addresses and expiry.": (
        "令牌没有这项权限：请检查它允许的操作、前缀、空间、IP 和有效期。"
    ),
    "The temporary key has expired, or its security_token is wrong: get all three again.": (
        "临时密钥已失效，或 security_token 不匹配：请重新获取全部三项。"
    ),
    "The space belongs to another account.": "该空间属于其他账号。",
    "The account lacks the right; its administrator can grant it.": "账号没有权限，请联系管理员授权。",
    "There is no space of this name: uvideo spaces lists the existing ones.": (
        "没有这个名称的空间：uvideo spaces 可列出已有的空间。"
    ),
    "The space is in another region or at another provider: set region, provider or endpoint.": (
        "空间在另一个地域或服务商：请设置 region、provider 或 endpoint。"
    ),
    "The host that answers is not this service: check endpoint and api_url.": (
        "对端不是 UVideo/UFile 服务：请检查 endpoint 和 api_url。"
    ),
    "A proxy or the login page of a network answers instead of the service: open a web page and log in.": (
        "返回响应的是代理或网络的登录页，不是服务端：请打开网页完成登录。"
    ),
    "A file that ca_bundle, client_cert or client_key names cannot be used.": (
        "ca_bundle、client_cert 或 client_key 指定的文件无法使用。"
    ),
    "The link's path was changed after it was signed: by decoding, by a proxy, or by hand.": (
        "链接的路径在签名后被改动：可能是解码、代理或手工修改所致。"
    ),
    "The link may be for an upload with a certain Content-Type, which the link does not contain.": (
        "它可能是用于上传的链接，签名时指定了 Content-Type，而链接中不包含它。"
    ),
    "Write https:// before the host in endpoint, if it supports TLS.": (
        "如果对方支持 TLS，请在 endpoint 的主机前写 https://。"
    ),
    "Set it again: uvideo config set private_key": "请重新设置：uvideo config set private_key",
    "Set the private key: uvideo config set private_key": "请设置私钥：uvideo config set private_key",
    "Set it too: uvideo config set security_token": "请一并设置：uvideo config set security_token",
    "Remove it by hand: uvideo rm uvideo://{space}/{left}": "请手工删除：uvideo rm uvideo://{space}/{left}",
    "Set the clock: timedatectl set-ntp true": "请校准时钟：timedatectl set-ntp true",
    "Write & for each &amp;, or copy the link itself and not the page's source.": (
        "请把 &amp; 改回 &，或直接复制链接而不是网页源代码。"
    ),
    "Put the link in single quotes: & ends a command in a shell.": "请给链接加上单引号：& 在 shell 里会结束命令。",
    "Copy the whole link again; + and / are part of it.": "请重新完整复制，+ 和 / 也是其中的一部分。",
    "Create a new one: uvideo presign --expires 7d uvideo://...": (
        "请重新生成：uvideo presign --expires 7d uvideo://..."
    ),
}
