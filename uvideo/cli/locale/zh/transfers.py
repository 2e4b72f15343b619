"""Texts of cp, mv, rm, sync, apply, run and transfers."""

WORDS = {
    "the commands are in UTF-16: save them as UTF-8": "命令文件是 UTF-16 编码：请另存为 UTF-8",
    # cp, mv
    "Copy files and objects: upload, download, between spaces, from and to pipes.": (
        "复制文件和对象：上传、下载、在空间之间复制，也支持管道。"
    ),
    "Move files and objects: copied, verified, then removed.": "移动文件和对象：先复制，校验通过后再删除源。",
    "The target is a folder if it ends with / (also a whole space), if it is a local folder, or if the source is "
    "a folder, a pattern or several items. Then each item keeps its name. Otherwise the target is the new name of "
    "the item. With -r, the contents of SOURCE are copied to TARGET, with or without a slash after SOURCE; with "
    "several sources, each folder keeps its name.": (
        "目标在下列情况下视为目录：以 / 结尾（整个空间也算）、是已有的本地目录，或者源有多个、含通配符、本身是目"
        "录；\n"
        "此时每一项在其中保留原名。否则目标就是这一项的新名字。\n"
        "使用 -r 时，SOURCE 下的内容复制到 TARGET 下，SOURCE 末尾有没有斜杠都一样；有多个源时，每个目录保留自己的"
        "名字。"
    ),
    "Local paths and objects may contain patterns: * and ? do not match /, ** does, [a-z] and {a,b} work as in a "
    "shell. Quote them. The name of an existing file or object is never a pattern. --include and --exclude match "
    "the path below SOURCE: *.mp4 in every folder, /a/* from the top, tmp/ everything in such folders.": (
        "通配符对本地路径和对象都有效：* 和 ? 不匹配 /，** 可以匹配，[a-z] 和 {a,b} 与 shell 相同。请加引号。\n"
        "已有的文件名或对象名不会被当作通配符。--include 和 --exclude 匹配 SOURCE 之下的路径：\n"
        "*.mp4 匹配每一级目录中的此类文件，/a/* 从顶层开始匹配，tmp/ 匹配此类目录中的全部内容。"
    ),
    "To continue an interrupted transfer, run the same command again. A copy of many items then skips what the target "
    "already has with the same content, and says how many items it skipped.": (
        "传输中断后，再次运行同一条命令即可续传。复制多项时会跳过目标中内容相同的项，并报告跳过的数量。"
    ),
    "an earlier run of this command did not finish: what is the same is skipped": (
        "这条命令上次没有完成：内容相同的项会跳过"
    ),
    "A file to a space, under its own name:": "上传一个文件，保留原名：",
    "A folder with all its files except temporary ones:": "上传整个目录，但不包括临时文件：",
    "And back:": "再下载回来：",
    "All films of a space, in every folder:": "下载空间中的所有影片，无论在哪一级：",
    "From one space to another, without the bytes passing through this machine:": (
        "从一个空间复制到另一个，数据不经过本机："
    ),
    "Store the output of a program, and read it into another one:": "把程序的输出存为对象，再读出交给另一个程序：",
    "At most 10 MiB per second, in a cheaper class, with metadata:": "限速每秒 10 MiB，存为低频类型，并附上元数据：",
    "Include folders, with their contents.": "递归处理目录中的全部内容。",
    "Include only matching items. Repeatable.": "只处理匹配的项，可多次指定。",
    "Exclude matching items. Repeatable.": "排除匹配的项，可多次指定。",
    "Do not overwrite existing targets.": "目标已存在时不覆盖。",
    "Metadata of the new objects. Repeatable.": "新对象的元数据，可多次指定。",
    "Storage class of the new objects.": "新对象的存储类型。",
    "Media type; by default guessed from name, then content.": "媒体类型；默认先按文件名、再按内容判断。",
    "Number of files at a time.": "同时处理的文件数。",
    "Number of parts of one file at a time. [default: 4]": "每个文件同时传输的分片数。[default: 4]",
    "Bytes per second of all transfers together, for example 10M.": "总带宽上限，每秒字节数，例如 10M。",
    "Do not verify etags.": "不校验 ETag。",
    "The source is removed only after its copy was verified, and only if it did not change meanwhile. Empty "
    "folders are not removed. Within a space objects are renamed, and nothing is copied.": (
        "副本校验通过、且源在此期间没有变化，才会删除源。空目录不会删除。在同一空间内直接重命名，不复制数据。"
    ),
    "Rename an object:": "给对象重命名：",
    "Move local files to a space:": "把本地文件移到空间：",
    "Move a folder of a space to another one:": "把一个空间的目录移到另一个空间：",
    "uploaded {source} -> {target}, {size}": "已上传 {source} -> {target}，{size}",
    "downloaded {source} -> {target}, {size}": "已下载 {source} -> {target}，{size}",
    "copied {source} -> {target}, {size}": "已复制 {source} -> {target}，{size}",
    "renamed {source} -> {target}, {size}": "已重命名 {source} -> {target}，{size}",
    "would upload {source} -> {target}, {size}": "将上传 {source} -> {target}，{size}",
    "would download {source} -> {target}, {size}": "将下载 {source} -> {target}，{size}",
    "would copy {source} -> {target}, {size}": "将复制 {source} -> {target}，{size}",
    "would rename {source} -> {target}, {size}": "将重命名 {source} -> {target}，{size}",
    ", the source is removed": "，源已删除",
    "skipped {source}: {target} exists": "跳过 {source}：{target} 已存在",
    "source and target are the same object": "源和目标是同一个对象",
    "{target} differs from the stored copy, so the source was not removed": "{target} 与刚才存入的内容不一致，未删除源",
    "the copy could not be verified, so the source was not removed; --no-verify removes it anyway": (
        "副本无法校验，未删除源；如仍要移动，请使用 --no-verify"
    ),
    "the source changed while it was copied, so it was not removed": "复制期间源发生了变化，未删除源",
    "its other name {path} could not be transferred, so it was not removed": (
        "它的另一个硬链接 {path} 传输失败，因此未删除"
    ),
    "files that were transferred and not removed: {count}": "已传输但未删除的文件：{count} 个",
    "a pipe cannot be moved: uvideo cp copies to and from it": "管道不能移动：请用 uvideo cp 与管道之间复制",
    "--meta {text}: write name=value": "--meta {text}：格式应为 名称=值",
    "--meta {text}: the value begins or ends with a blank, which HTTP does not keep": (
        "--meta {text}：值的首尾有空格，HTTP 无法保留"
    ),
    "there is no such file or folder, and no name matches the pattern": (
        "没有这个文件或目录，通配符也没有匹配到任何内容"
    ),
    "nothing matches {address}": "没有与 {address} 匹配的对象",
    "{path} is a folder: give -r to include its contents": "{path} 是目录：请加 -r 处理其中的内容",
    "only one object can go to standard output; uvideo cat takes several": (
        "标准输出只能接收一个对象；多个对象请用 uvideo cat"
    ),
    "the target {target} is inside the source {source}": "目标 {target} 位于源 {source} 之中",
    "another source has the same target {name}": "另一个源的目标也是 {name}",
    "{target} is a file; a folder is needed for several sources": "{target} 是文件；有多个源时目标必须是目录",
    "a pipe cannot be combined with other sources or with -r": "管道不能与其他源或 -r 一起使用",
    "a pipe has no name: write the whole uvideo://space/key": "管道没有文件名：请写完整的 uvideo://空间/键",
    "neither side is an object uvideo://space/key: use the system's cp": (
        "源和目标都不是对象 uvideo://空间/键：请用系统自带的 cp"
    ),
    "the name is not UTF-8 and cannot be a key: rename it": "文件名不是 UTF-8 编码，不能作为键：请重命名",
    "{path} is neither a file nor a folder": "{path} 既不是文件也不是目录",
    "{path} is a pipe, a socket or a device; --skip-special skips such files": (
        "{path} 是管道、套接字或设备；使用 --skip-special 可跳过此类文件"
    ),
    "skipped {path}: it is a pipe, a socket or a device": "跳过 {path}：它是管道、套接字或设备",
    "skipped {path}: it is a link": "跳过 {path}：它是符号链接",
    "skipped {path}: the link leads back to a folder above it": "跳过 {path}：符号链接指回了上级目录",
    "skipped {path}: the link leads out of {root}; --links follow follows it": (
        "跳过 {path}：符号链接指向 {root} 之外；使用 --links follow 可跟随"
    ),
    "skipped {path}: it is the folder of uvideo's own records": "跳过 {path}：它是 uvideo 自己的状态目录",
    "skipped {path}: it is no file that could be stored": "跳过 {path}：这类文件无法存储",
    "skipped links: {count}": "跳过符号链接 {count} 个",
    "skipped special files: {count}": "跳过特殊文件 {count} 个",
    "Links in folders to follow: all, those that stay inside the folder, or none.": (
        "如何处理目录中的符号链接：全部跟随、只跟随指向该目录之内的、全部跳过。"
    ),
    "Skip pipes, sockets and devices in folders; else they fail.": (
        "跳过目录中的管道、套接字和设备；不加此选项则按失败处理。"
    ),
    # Progress
    "{done} of {known}": "{done}/{known}",
    "total": "合计",
    "part {done}/{parts}": "分片 {done}/{parts}",
    "{count} retries": "重试 {count} 次",
    "{time} left": "剩余 {time}",
    "{done} of {known} lines": "{done} / {known} 行",
    "retry in {time}: {reason}": "{time} 后重试：{reason}",
    "{count} retries wait; {text}": "{count} 个请求等待重试；{text}",
    "finished parts are kept; to continue: {command}": "已完成的部分会保留；要继续请运行：{command}",
    # rm
    "Remove objects.": "删除对象。",
    "Removed objects cannot be restored. -r removes all objects in a folder, a pattern removes all matching "
    "objects; both ask on a terminal. Only --all empties a whole space.": (
        "删除的对象无法恢复。-r 删除目录下的全部对象，通配符删除匹配的对象；两者在终端上都会先询问。清空整个空间"
        "必须加 --all。"
    ),
    "One object:": "一个对象：",
    "Show what would be removed:": "查看将会删除什么：",
    "Every temporary file of a space:": "空间中的所有临时文件：",
    "Everything in a space:": "空间中的全部内容：",
    "Remove all objects in a folder.": "删除目录下的全部对象。",
    "Remove every object of a space.": "删除空间中的所有对象。",
    "Do not fail if an object does not exist.": "对象不存在时不算错误。",
    "Number of objects at a time.": "同时处理的对象数。",
    "would delete {target}": "将删除 {target}",
    "deleted {target}": "已删除 {target}",
    "nothing is deleted": "没有删除任何内容",
    "delete all objects at {addresses}?": "确定删除 {addresses} 下的全部对象？",
    "{address} is a whole space: give -r --all to empty it": "{address} 是整个空间：要清空请用 -r --all",
    "{address} means every object of the space: that needs --all": "{address} 指空间中的所有对象：必须加 --all",
    "it changed meanwhile, so it was not removed": "它在此期间发生了变化，未删除",
    # sync, apply
    "Synchronize a folder or prefix with another one.": "同步目录或前缀，使目标与源一致。",
    "Carry out a plan that sync wrote.": "执行 sync 写出的计划。",
    "Copies missing and different files from a folder to uvideo://space/prefix, back, or between two prefixes. "
    "Two files are the same if size and content are equal. The content of local files is compared by etag, which "
    "is computed here and reused until size, times or inode change; --checksum computes all of them anew. --delete "
    "removes items that only TARGET has, after everything was copied without failure. It refuses an empty source and "
    "more than --max-delete items, and asks on a terminal.": (
        "复制目标缺少的和内容不同的文件：从目录到 uvideo://空间/前缀，或从前缀到目录，或在两个前缀之间。\n"
        "大小和内容都一致才视为相同：本地文件按 ETag 比较内容，ETag 在本机计算并缓存，大小、时间或 inode 变了才重新"
        "计算；--checksum 则全部重新计算。\n"
        "--delete 在全部复制成功之后删除只有 TARGET 才有的项；源为空或超过 --max-delete 时拒绝删除，在终端上会先"
        "询问。"
    ),
    "--plan FILE changes nothing and writes a plan; uvideo apply FILE carries it out.": (
        "--plan FILE 不做改动，只写出计划；uvideo apply FILE 执行该计划。"
    ),
    "A folder to a space:": "把目录同步到空间：",
    "Only show what would be done:": "只查看将要执行的操作：",
    "Review a plan, then carry it out:": "先审阅计划，再执行：",
    "A local mirror of a space:": "把空间镜像到本地：",
    "Synchronize one space with another, by size only:": "在两个空间之间同步，只比较大小：",
    "Remove items that only TARGET has.": "删除只有 TARGET 才有的项。",
    "Delete nothing if more items would be deleted.": "要删除的项超过此数量时，一项也不删。",
    "Do not ask.": "不询问。",
    "Compare sizes only.": "只比较大小。",
    "Compare content by etags computed anew, without the cache.": "用重新计算的 ETag 比较内容，不使用缓存。",
    "Change nothing; write a plan to this file.": "不做改动，只把计划写入该文件。",
    "Carries out the plan of `uvideo sync --plan FILE`. A step whose source or target changed since then is "
    "refused; the other steps are done. Deletes come last, and only if nothing failed.": (
        "执行 `uvideo sync --plan FILE` 写出的计划。源或目标在此之后有变化的步骤会被拒绝，其余照常执行。\n"
        "删除放在最后，且只在没有失败时进行。"
    ),
    "Make a plan, look at it, carry it out:": "生成计划，查看，执行：",
    "the step {place} is outside of {root}": "步骤 {place} 超出了 {root} 的范围",
    "it has the unknown step {action}": "含有未知的步骤 {action}",
    "a step lacks its source or target": "有一个步骤缺少源或目标",
    "a listing is not in order: {name} comes after {before}": "列表没有按顺序排列：{name} 出现在 {before} 之后",
    "{path} is not a plan: {reason}": "{path} 不是计划文件：{reason}",
    "it was written by another version": "由其他版本生成",
    "its end is missing, so it may be cut off": "缺少结尾，可能不完整",
    "{action} {target}, {size}": "{action} {target}，{size}",
    "delete {count} items from {target}?": "从 {target} 删除 {count} 项？",
    "{path} changed since the plan was made": "{path} 在计划生成之后发生了变化",
    "{path} is outside of {root} because of a link": "{path} 经符号链接指到了 {root} 之外",
    "{text}: only whole folders can be given, not patterns or pipes": "{text}：只支持整个目录，不支持通配符和管道",
    "{text} is not a folder: use uvideo cp for single files": "{text} 不是目录：单个文件请用 uvideo cp",
    "comparing {path}": "比较 {path}",
    "{one} and {other} cannot be combined": "{one} 与 {other} 不能同时使用",
    "Compare sizes and times, and content only if the times differ.": "比较大小和修改时间；仅当时间不同时才比较内容。",
    "Cache-Control of the new objects, for example max-age=3600.": "新对象的 Cache-Control，例如 max-age=3600。",
    "A header to store and to send with downloads, for example Content-Language. Repeatable.": (
        "随对象保存、下载时一并返回的标头，例如 Content-Language，可多次指定。"
    ),
    "--header {text}: write name:value": "--header {text}：格式应为 name:value",
    "--header {text}: use {option} for that": "--header {text}：请改用 {option}",
    "--header {text}: the value contains control characters": "--header {text}：值中含有控制字符",
    "the header {name} is given twice": "标头 {name} 重复了",
    "Only items changed within this time: 36h, 7d and so on.": "只选择在这段时间内修改过的文件和对象：36h、7d 等。",
    "Only items not changed within this time.": "只选择在这段时间内未修改过的文件和对象。",
    "Only items of at most this size.": "只选择不大于此大小的文件和对象。",
    "Only items of at least this size: 4096, 10M and so on.": "只选择不小于此大小的文件和对象：4096、10M 等。",
    "Names in the file of --files-from end with zero bytes.": "--files-from 文件中的名称以零字节结尾。",
    "Only the items named in a file, one per line; - for standard input.": (
        "只选择文件中列出的名称，每行一个；- 表示标准输入。"
    ),
    "Exclude patterns in a file, one per line.": "从文件读取 --exclude 的模式，每行一个。",
    "Include patterns in a file, one per line.": "从文件读取 --include 的模式，每行一个。",
    "{one} is above {other}: nothing can be selected": "{one} 大于 {other}：没有文件或对象能同时满足",
    "{name} is no name below the source": "{name} 不是源之下的名称",
    "it is in the list, but the source does not have it": "列表中有此名称，但源中没有",
    "only one option can read standard input": "只有一个选项可以读取标准输入",
    "{option} needs {other}": "{option} 须与 {other} 一起使用",
    "{path} contains no pattern": "{path} 中没有模式",
    "{path} is in UTF-16: save it as UTF-8": "{path} 是 UTF-16 编码：请保存为 UTF-8",
    "Skip items whose target is as new as the source, or newer.": "跳过目标不比源旧的文件和对象。",
    "Skip items whose target has the same size.": "跳过目标与源大小相同的文件和对象。",
    "Neither store nor restore modification times of files.": "不保存也不恢复文件的修改时间。",
    "the plan is for {planned}, not for {endpoint}": "该计划针对 {planned}，而不是 {endpoint}",
    "the plan contains deletes; without a terminal it needs -y": "该计划包含删除；非交互环境必须加 -y",
    "{count} surplus items were not deleted because other items failed: run the command again": (
        "有其他项失败，因此没有删除多余的 {count} 项：请重新运行"
    ),
    "--delete asks before it deletes; without a terminal it needs -y": (
        "--delete 在删除之前会询问；非交互环境必须加 -y"
    ),
    "{count} items would be deleted, more than --max-delete {most}: nothing is deleted": (
        "将删除 {count} 项，超过 --max-delete {most}：没有删除任何内容"
    ),
    "ended early because the others would fail too: {count} not started": (
        "其余各项也会失败，已提前结束：{count} 项未开始"
    ),
    "ended early because the others would fail too: {count} or more not started": (
        "其余各项也会失败，已提前结束：至少 {count} 项未开始"
    ),
    "the source {source} is empty: nothing is deleted": "源 {source} 为空：没有删除任何内容",
    "the plan would not be complete, so it is not written": "计划不完整，因此没有写出",
    "source and target contain one another": "源和目标互相包含",
    # run
    "Run many commands, from a file, in one process.": "在一个进程中执行文件里的多条命令。",
    "FILE has one command per line, with or without `uvideo` before it, quoted as in a shell; # begins a comment; "
    "- reads standard input. The lines are independent: with --jobs several run at a time, in any order. If a "
    "line fails, its number is reported, the others continue, and the exit code is 1.": (
        "FILE 每行一条命令，前面可写可不写 `uvideo`，引号规则与 shell 相同；# 之后是注释；- 表示读取标准输入。\n"
        "各行互不依赖：使用 --jobs 时同时执行多行，顺序不定。失败的行会连同行号报告，其余照常执行，退出码为 1。"
    ),
    "A file of commands:": "执行命令文件：",
    "Many copies from a pipe, sixteen at a time:": "从管道读取多条复制命令，同时执行 16 条：",
    "Number of lines at a time.": "同时执行的行数。",
    "{count} of {total} lines failed": "{total} 行中有 {count} 行失败",
    "{verb} cannot be run from a file": "不能从文件中执行 {verb}",
    "the quotes do not match: {reason}": "引号不匹配：{reason}",
    # transfers
    "List, resume, abort and clean up unfinished transfers.": "列出、继续、放弃和清理未完成的传输。",
    "Each large transfer has a record while it runs (in ~/.local/state/uvideo). After a crash or a reboot the "
    "same command, or resume, transfers only the missing parts.": (
        "每个较大的传输在进行时都有记录（在 ~/.local/state/uvideo），因此崩溃或重启之后，\n"
        "再次运行同一条命令或用 resume，只传输缺少的部分。"
    ),
    "List what is unfinished:": "查看未完成的传输：",
    "List unfinished transfers.": "列出未完成的传输。",
    "As JSON:": "以 JSON 输出：",
    "Resume unfinished transfers.": "继续未完成的传输。",
    "Resume all of them:": "全部继续：",
    "All transfers that are not running.": "所有未在进行的传输。",
    "Abort unfinished transfers, and delete their stored parts.": "放弃未完成的传输，并删除已保存的部分。",
    "Abort all of them:": "全部放弃：",
    "Abort old unfinished uploads of a space that this machine has no record of.": (
        "清理空间中较早的、本机没有记录的未完成上传。"
    ),
    "The parts of an unfinished upload stay at the service and cost money. This aborts uploads that are older "
    "than --older-than and have no record on this machine. Check first with --dry-run that no other machine is "
    "still sending them.": (
        "未完成的上传，其分片会留在服务端并产生费用。本命令中止早于 --older-than 且本机没有记录的上传。\n"
        "请先用 --dry-run 确认没有其他机器正在上传。"
    ),
    "Uploads older than a week:": "一周以前的：",
    "Least age of the uploads: 36h, 7d and so on.": "只处理早于此时长开始的上传：36h、7d 等。",
    "would abort {id}, {target}": "将放弃 {id}，{target}",
    "aborted {id}, {target}": "已放弃 {id}，{target}",
    "give the ids of transfers, or --all; uvideo transfers ls lists the ids": (
        "请指定传输的编号，或使用 --all；uvideo transfers ls 可列出编号"
    ),
    "there is no transfer {id}; uvideo transfers ls lists them": "没有传输 {id}；uvideo transfers ls 可列出编号",
    "(running)": "（进行中）",
    # sync --backup-dir
    "Move here what would be overwritten or deleted.": "把将被覆盖或删除的内容移到此处。",
    "The same, with a backup of what is overwritten or deleted:": "同上，并备份被覆盖或删除的内容：",
    "--backup-dir {path} is not a folder": "--backup-dir {path} 不是目录",
    "--backup-dir must be a local folder or uvideo://space/prefix, as the target {target}": (
        "--backup-dir 须与目标 {target} 一样，是本地目录或 uvideo://空间/前缀"
    ),
    "--backup-dir {path} and {side} contain one another": "--backup-dir {path} 与 {side} 互相包含",
    "--backup-dir must be on the same file system as the target": "--backup-dir 须与目标在同一个文件系统上",
    "Include empty folders, as empty objects that end with /.": "包括空目录，用键以 / 结尾的空对象表示。",
}
