"""What each error means and what to do about it, in English and Chinese.  A test requires every class."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["TEXTS", "Text"]


class Text(NamedTuple):
    meaning: str
    remedy: str
    meaning_zh: str
    remedy_zh: str


WAIT = (
    "Nothing: the client tries again. If it persists, look at the server's log.",
    "无需处理，客户端会自动重试；若持续出现，请看服务端日志。",
)
PARAMETER = ("Correct the argument that the message names.", "按消息的提示改正参数。")

TEXTS = {
    "UVideoError": Text(
        "The base class of all errors.",
        "Catch it to handle every failure.",
        "所有错误的基类。",
        "捕获它即可处理所有失败。",
    ),
    "InvalidArgument": Text(
        "An argument or a setting is not allowed. Nothing was sent. It is a `ValueError` too.",
        *PARAMETER[:1],
        "参数或设置不合法，没有发送任何请求。它同时是 `ValueError`。",
        *PARAMETER[1:],
    ),
    "LocalFailure": Text(
        "Something on your machine failed: a disk is full, a file is missing (then the command exits with 4).",
        "Repair what the message names; then run the same call again.",
        "本机出错：磁盘已满、文件不存在（这时命令的退出码为 4）等。",
        "按消息的提示处理后，重新执行同一调用。",
    ),
    "SourceChanged": Text(
        "The file changed while it was uploaded. Nothing was stored.",
        "Upload it again when nobody writes to it.",
        "文件在上传期间被修改，没有存入任何内容。",
        "等文件不再变化后重新上传。",
    ),
    "NoAnswer": Text(
        "There was no response after all tries. `cause` says why: see [causes](#no-response).",
        "Check the network and the endpoint: `uvideo doctor`.",
        "重试用尽后仍没有响应。`cause` 说明原因，见[原因](#没有响应)。",
        "检查网络和 endpoint：`uvideo doctor`。",
    ),
    "ConfigurationError": Text(
        "A setting keeps the service from being reached: proxy, certificate, host.",
        "Correct the setting that the message names. It is not tried again.",
        "某项设置有误，无法连接服务：代理、证书、主机。",
        "按消息的提示改正设置；不会自动重试。",
    ),
    "TransferInterrupted": Text(
        "A transfer was interrupted. `transfer` has its number in the journal.",
        "Run the same call again, or `uvideo transfers resume`.",
        "传输中断。`transfer` 是它在传输日志中的编号。",
        "重新执行同一调用，或运行 `uvideo transfers resume`。",
    ),
    "Cancelled": Text(
        "The program cancelled the transfer, or you pressed Ctrl-C.",
        "To continue, run the same call again.",
        "程序取消了传输，或者你按了 Ctrl-C。",
        "要继续，重新执行同一调用。",
    ),
    "DeadlineExceeded": Text(
        "The time of the call is over: `total_timeout` or `deadline`.",
        "Raise that limit, or run the same call again: it continues.",
        "调用超过了限定的时间：`total_timeout` 或 `deadline`。",
        "增大该限制，或重新执行同一调用继续。",
    ),
    "IntegrityError": Text(
        "What was stored or received differs from what was sent.",
        "Transfer it again. If it persists, a proxy or the disk changes bytes.",
        "存入或收到的内容与发送的内容不一致。",
        "重新传输；若持续出现，说明代理或磁盘改动了数据。",
    ),
    "ObjectChanged": Text(
        "The object was replaced while it was downloaded. The target file is as it was.",
        "Download it again.",
        "下载期间对象被替换，目标文件保持原样。",
        "重新下载。",
    ),
    "BadAnswer": Text(
        "The response is not from the service: the page of a proxy or of a network login.",
        "Check endpoint and proxy; open a web page to log in.",
        "响应不是来自服务：可能是代理或网络认证的页面。",
        "检查 endpoint 和代理；打开一个网页完成登录。",
    ),
    "Refused": Text(
        "The base class of what the service refuses.",
        "Look at `status`, `ret_code` and `message`.",
        "服务拒绝请求时各种错误的基类。",
        "查看 `status`、`ret_code` 和 `message`。",
    ),
    "BadRequest": Text(
        "A parameter, a header, a name or the body is wrong.",
        PARAMETER[0],
        "参数、标头、名称或请求体有误。",
        PARAMETER[1],
    ),
    "TooLarge": Text(
        "The body, or the fields of a form, are longer than this request may have.",
        "Send less. A large file goes in parts: use `upload`.",
        "请求体或表单字段超过了该请求的上限。",
        "减少内容；大文件用 `upload`，会分片发送。",
    ),
    "DigestMismatch": Text(
        "The bytes that arrived do not have the `Content-MD5` that was sent.",
        "Send it again. If it persists, something on the way changes bytes.",
        "收到的数据与 `Content-MD5` 不符。",
        "重新发送；若持续出现，说明途中有设备改动了数据。",
    ),
    "SpaceNotFound": Text(
        "There is no such space, or it lies in another region.",
        "`uvideo spaces` lists the spaces; `uvideo mb uvideo://NAME` creates one.",
        "没有这个空间，或者它在另一个地域。",
        "`uvideo spaces` 列出空间；`uvideo mb uvideo://NAME` 新建空间。",
    ),
    "NoCredentials": Text(
        "The request has no signature, and the space is private. Perhaps no keys are set.",
        "Set `UVIDEO_PUBLIC_KEY` and `UVIDEO_PRIVATE_KEY`, or run `uvideo config init`.",
        "请求没有签名，而空间是私有的；可能没有设置密钥。",
        "设置 `UVIDEO_PUBLIC_KEY` 和 `UVIDEO_PRIVATE_KEY`，或运行 `uvideo config init`。",
    ),
    "SignatureMismatch": Text(
        "The private key does not belong to the public key, or the request was changed on its way. Calls that manage "
        "spaces answer HTTP 200, RetCode 171 and `Signature VerifyAC Error`.",
        "Copy both keys again; `uvideo doctor` shows what was signed.",
        "私钥与公钥不配对，或者请求在途中被改动。空间管理的调用返回 HTTP 200、RetCode 171 和 "
        "`Signature VerifyAC Error`。",
        "重新复制两个密钥；`uvideo doctor` 会显示待签名字符串。",
    ),
    "SignatureExpired": Text(
        "The signed URL or the call is past its expiry, or the clock of the signer is wrong. RetCode 171 in calls that "
        "manage spaces.",
        "Make a new link; set the clock.",
        "签名链接或调用已过期，或者签名方的时钟不准。空间管理的调用返回 RetCode 171。",
        "重新生成链接；校准时钟。",
    ),
    "UnknownKey": Text(
        "The service does not know this public key.",
        "Check the key, the provider and the endpoint: it may belong to another service.",
        "服务不认识这个公钥。",
        "检查公钥、服务商和 endpoint，它可能属于另一个服务。",
    ),
    "AccessDenied": Text(
        "The key is known, but has no right to this: a token's limits, or the space of another account.",
        "Use a key with the right; check the token's operations, prefixes, addresses and expiry.",
        "密钥有效，但没有这项权限：受令牌限制，或空间属于其他账号。",
        "换用有权限的密钥；检查令牌的操作、前缀、IP 地址和有效期。",
    ),
    "NotFound": Text(
        "There is no object of this key.",
        "`uvideo ls -r uvideo://SPACE` lists the keys. Upper and lower case differ.",
        "没有这个键的对象。",
        "`uvideo ls -r uvideo://SPACE` 列出所有键；键区分大小写。",
    ),
    "UploadNotFound": Text(
        "The multipart upload was finished, aborted or cleaned up.",
        "Upload again: it begins a new one.",
        "该分片上传已完成、已中止或已被清理。",
        "重新上传，会开始新的分片上传。",
    ),
    "AlreadyExists": Text(
        "There is an object of this key, and the call must not replace it.",
        "Choose another key, or leave out `if_absent`.",
        "这个键已有对象，而调用要求不覆盖。",
        "换一个键，或去掉 `if_absent`。",
    ),
    "PreconditionFailed": Text(
        "The object is not as a condition of the request (`If-Match` ...) asks.",
        "Read the object again, then decide.",
        "对象不满足请求中的条件（`If-Match` 等）。",
        "重新读取对象后再决定。",
    ),
    "InvalidRange": Text(
        "The range begins behind the end of the object.",
        "Ask for its size first: `uvideo stat`.",
        "请求的范围从对象末尾之后开始。",
        "先查看对象大小：`uvideo stat`。",
    ),
    "CopyRangeInvalid": Text(
        "The range of a part's copy is not within the source.",
        PARAMETER[0],
        "分片复制的范围超出了源对象。",
        PARAMETER[1],
    ),
    "SwitchDenied": Text(
        "An object cannot change to this storage class.",
        "Only `STANDARD` to `IA`, and either to `ARCHIVE`, are possible.",
        "对象不能转为这个存储类型。",
        "只能由 `STANDARD` 转为 `IA`，或转为 `ARCHIVE`。",
    ),
    "NotRestored": Text(
        "The object is of class `ARCHIVE` and must be restored first.",
        "`uvideo restore uvideo://SPACE/KEY`, then wait.",
        "对象是 `ARCHIVE` 类型，需要先解冻。",
        "`uvideo restore uvideo://SPACE/KEY`，然后等待。",
    ),
    "CallbackFailed": Text(
        "The object was stored, but the program of the callback did not answer with 200.",
        "Look at the log of that program.",
        "对象已存入，但回调的程序没有返回 200。",
        "查看该程序的日志。",
    ),
    "PartExists": Text(
        "This part was already sent with other bytes.",
        "Abort the upload and begin again: two programs share its upload id.",
        "该分片已发送过，且内容不同。",
        "中止上传并重新开始：有两个程序在用同一个上传 ID。",
    ),
    "PartTooLarge": Text(
        "A part is longer than a block of the upload.",
        "Send parts of 4 MiB.",
        "分片超过了上传的块大小。",
        "按 4 MiB 分片。",
    ),
    "InvalidPartList": Text(
        "The list of parts that finishes the upload has a wrong ETag or lacks a part.",
        "Send the missing part, or begin again.",
        "完成上传时的分片列表缺少分片，或 ETag 有误。",
        "补发缺少的分片，或重新开始。",
    ),
    "Throttled": Text(
        "Too many requests of this key or this address.",
        "The client waits as long as the service asks. Send fewer at a time.",
        "该密钥或该地址的请求过多。",
        "客户端会按服务要求等待；请降低并发。",
    ),
    "Unavailable": Text(
        "The service cannot do it now: too many connections, no room on its disk, its store is away.",
        *WAIT[:1],
        "服务暂时无法处理：连接过多、磁盘空间不足、存储不可用。",
        *WAIT[1:],
    ),
    "InternalError": Text("The service failed.", WAIT[0], "服务内部出错。", WAIT[1]),
    "ActionMissing": Text(
        "A management call has no `Action`.", "Add it.", "管理接口的调用没有 `Action`。", "补上该参数。"
    ),
    "ActionUnknown": Text(
        "There is no management call of this `Action`.", "Correct it.", "管理接口没有这个 `Action`。", "改正该参数。"
    ),
    "ParameterMissing": Text(
        "A management call lacks a parameter.", PARAMETER[0], "管理接口的调用缺少参数。", PARAMETER[1]
    ),
    "SpaceExists": Text(
        "The name of the space is taken, perhaps by another account.",
        "Choose another name.",
        "空间名已被占用，可能属于其他账号。",
        "换一个名称。",
    ),
    "SpaceNameInvalid": Text(
        "This is not a name for a space.",
        "Use 3 to 63 lower-case letters, digits and hyphens.",
        "空间名不合法。",
        "使用 3 到 63 个小写字母、数字和连字符。",
    ),
    "SpaceTypeInvalid": Text(
        "The type of a space is `public` or `private`.",
        PARAMETER[0],
        "空间的类型只能是 `public` 或 `private`。",
        PARAMETER[1],
    ),
    "SpaceNotEmpty": Text(
        "A space with objects or unfinished uploads cannot be deleted.",
        "`uvideo rb --force` removes its objects too.",
        "空间里还有对象或未完成的上传，不能删除。",
        "`uvideo rb --force` 会同时删除其中的对象。",
    ),
    "DomainInvalid": Text("This is not a host name for a space.", PARAMETER[0], "自定义域名不合法。", PARAMETER[1]),
    "DomainTaken": Text(
        "Another space has this host name.", "Choose another one.", "该域名已绑定到其他空间。", "换一个域名。"
    ),
    "TooManyTokens": Text(
        "The account has as many tokens as it may.", "Delete one.", "账号的令牌数量已达上限。", "先删除一个令牌。"
    ),
    "TokenNotFound": Text(
        "There is no such token to change or delete.",
        "The console's page of keys lists them.",
        "要修改或删除的令牌不存在。",
        "控制台的密钥页列出现有令牌。",
    ),
    "TokenUnknown": Text(
        "The token that signed was deleted or has expired.",
        "Make a new token, or use the account's key pair.",
        "签名用的令牌已删除或过期。",
        "新建令牌，或使用账号的密钥对。",
    ),
    "TransferBusy": Text(
        "Another process, or another thread, runs this transfer already.",
        "Wait for it, or stop it.",
        "另一个进程或线程正在执行同一传输。",
        "等它结束，或将其停止。",
    ),
    "SomeFailed": Text(
        "Some of many items failed; `summary` lists them. If all failed for one reason, the exit code is its code.",
        "Run the same call again: it skips what is done.",
        "多项操作中有一部分失败，其余已完成。`summary` 列出失败的项。如果全部因同一原因失败，命令的退出码取该原因的。",
        "重新执行同一调用，已完成的会跳过。",
    ),
}
