"""Texts of watch."""

WORDS = {
    "Upload the files of a folder as soon as they stop changing.": "监视目录，文件不再变化后即上传。",
    "`uvideo watch FOLDER uvideo://space/prefix` runs until Ctrl-C or SIGTERM. It lists FOLDER again and again, and "
    "uploads each file whose size and times did not change for --settle. When a file changes, it is uploaded again. "
    "What the service has with the same content is skipped, so after a restart only the rest is uploaded. Nothing is "
    "removed, here or at the service.": (
        "`uvideo watch FOLDER uvideo://space/prefix` 一直运行，直到按 Ctrl-C 或收到 SIGTERM。\n"
        "它反复扫描 FOLDER，文件的大小和时间在 --settle 时间内没有变化即上传；文件变化后会再次上传。\n"
        "服务端已有相同内容的文件会跳过，因此重启后只上传其余的文件。本地和服务端的内容都不会删除。"
    ),
    "While the service does not answer, files wait and are tried again; parts that were sent are kept. A file that "
    "cannot be read or that the service refuses is reported once, until it changes. Wrong keys and a missing space "
    "end the watch.": (
        "服务端没有响应时，文件等待并重试，已上传的分片会保留。\n"
        "无法读取或被服务端拒绝的文件只报告一次，直到它发生变化。密钥错误或空间不存在时，命令立即结束。"
    ),
    "What is in a folder, then end:": "上传目录中现有的文件，然后结束：",
    "The recordings of a camera, without the files that it is still writing under another name:": (
        "摄像机的录像，不含正在以临时文件名写入的文件："
    ),
    "Wait until all files have settled and are uploaded, then end.": "等所有文件都不再变化并上传完毕后结束。",
    "How long a file must not change.": "文件在这段时间内没有变化才上传。",
    "Time between two listings of the folder.": "扫描目录的间隔。",
    "--interval must be at least 1s": "--interval 至少为 1s",
    "watching {folder}: what does not change for {time} is uploaded to {target}": (
        "正在监视 {folder}：{time} 内没有变化的文件将上传到 {target}"
    ),
    "{folder} cannot be read ({reason}): the watch goes on when it is back": (
        "无法读取 {folder}（{reason}）：目录恢复后继续监视"
    ),
    "{folder} is back: the watch goes on": "{folder} 已恢复：继续监视",
    "{folder} is on another file system now: it was mounted or unmounted": (
        "{folder} 现在位于另一个文件系统：有磁盘被挂载或卸载"
    ),
    "{path} changed or was removed while it was uploaded": "{path} 在上传期间发生变化或被删除",
    "{path}: {reason}; it is tried again": "{path}：{reason}；稍后重试",
    "the service answers again: uploads go on": "服务端恢复响应：继续上传",
    "uploads wait until the service answers: {reason}": "等待服务端响应后再上传：{reason}",
}
