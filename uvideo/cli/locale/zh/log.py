"""Warnings that the SDK logs and the command shows.  The places are those of logging, in the same order."""

WORDS = {
    "%s is used without TLS; write https:// before it if it supports TLS": (
        "与 %s 的连接没有使用 TLS；如果对方支持 TLS，请在它前面写 https://"
    ),
    "the clock of this machine is %d s behind the service's, so this client now signs links by the service's time; "
    "a link that is made before any answer, as by uvideo presign, expires this much earlier: set the clock": (
        "本机时钟比服务端慢 %d 秒，因此本次运行此后按服务端的时间签名链接；在收到响应之前生成的链接"
        "（例如 uvideo presign）有效期会相应缩短：请校准时钟"
    ),
    "the clock of this machine is %d s ahead of the service's, so this client now signs links by the service's time; "
    "a link that is made before any answer, as by uvideo presign, is valid for this much longer: set the clock": (
        "本机时钟比服务端快 %d 秒，因此本次运行此后按服务端的时间签名链接；在收到响应之前生成的链接"
        "（例如 uvideo presign）有效期会相应延长：请校准时钟"
    ),
    "the service does not list parts (%s); the upload continues by its record": (
        "服务端没有列出分片（%s）；上传按本地记录继续"
    ),
    "the upload could not be aborted: %s": "未能取消分片上传：%s",
    "%s: if this download is killed, the next one starts over": "%s：如果这次下载被强行终止，下一次会从头开始",
    "%s: a block was not recorded": "%s：有一块没有记录",
    "the service gave no etag that can be verified; only the length was verified": (
        "服务端没有返回可以校验的 etag，只校验了长度"
    ),
    "the service gave no etag of the stored object that can be verified": "服务端没有返回可以校验的对象 etag",
    "part %d was not recorded in the checkpoint: %s": "分片 %d 没有写入断点记录：%s",
    "the checkpoint could not be removed: %s": "未能删除断点记录：%s",
    "%s; continuing with fewer threads": "%s；以较少的线程继续",
    "the temporary object %s/%s was not removed: %s": "临时对象 %s/%s 没有删除：%s",
    "%s/%s is closed because of an error and not stored": "%s/%s 因出错而关闭，没有保存",
    "the writer of %s/%s was never closed: nothing is stored": "%s/%s 的写入没有关闭：什么都没有保存",
    "%s is not a setting and has no effect; did you mean %s%s?": "没有 %s 这项设置，它不起作用；是不是想用 %s%s？",
    "%s contains a secret, and others can read it: run chmod 600 on it": (
        "%s 中有密钥，而其他用户可以读取它：请对它执行 chmod 600"
    ),
    "%s: no record was written, so this download cannot be resumed": "%s：没有写下记录，因此这次下载无法续传",
    "%s: no record was written, so this upload cannot be resumed": "%s：没有写下记录，因此这次上传无法续传",
    "the last blocks were not recorded: %s": "最后几块没有记录：%s",
    "the metadata has no room for the modification time, which is not stored": "元数据放不下修改时间，因此没有保存它",
    "%s: the stored modification time %.40r is no number of seconds and is ignored": (
        "%s：保存的修改时间 %.40r 不是秒数，已忽略"
    ),
    "%s: the stored modification time %s cannot be set: %s": "%s：无法设置保存的修改时间 %s：%s",
    "%s: a part was not recorded: %s": "%s：有一个分片没有记录：%s",
    "%s could not be removed: %s": "%s 无法删除：%s",
    "%s is not a record of a transfer: %s": "%s 不是传输记录：%s",
    "%s cannot be read: %s": "%s 无法读取：%s",
}
