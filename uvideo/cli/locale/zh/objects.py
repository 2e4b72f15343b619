"""Texts of ls, du, stat, cat, presign, restore and set."""

WORDS = {
    # ls
    "List spaces, folders and objects.": "列出空间、目录和对象。",
    "Without an address it lists the spaces. Keys in a folder are shown as one line, the folder, unless -r is "
    "given or the address is a pattern. Lines are printed as soon as the service returns them.": (
        "不带地址时列出所有空间。每个目录只显示一行，不展开其中的对象；指定 -r 或地址含通配符时才展开。\n"
        "服务端每返回一页就立即输出一页。"
    ),
    "The spaces of this key pair:": "当前密钥下的空间：",
    "The top level of a space, with its folders:": "空间的第一层，包括目录：",
    "All objects in a folder, with size, time, class and etag:": "目录下的全部对象，带大小、时间、存储类型和 ETag：",
    "Every MP4 file, however deep:": "所有层级下的 MP4 文件：",
    "The first five keys, for a program:": "前五个键，供程序读取：",
    "Show size, time, storage class and etag.": "显示每个对象的大小、时间、存储类型和 ETag。",
    "Print sizes such as 12.3 MiB.": "大小显示为 12.3 MiB 这样的形式。",
    "List all objects recursively.": "递归列出全部对象。",
    "The addresses of all objects for another program, whatever is in the keys:": (
        "把所有对象的地址交给另一个程序，键里含任何字符都不会出错："
    ),
    "End each line with a zero byte, for xargs -0.": "每行以零字节结尾，供 xargs -0 读取。",
    "--null and --json cannot be combined": "--null 和 --json 不能同时使用",
    "Print at most this many lines for each address.": "每个地址最多输出 N 行。",
    # du
    "Add up what is stored, by folder and storage class.": "按目录和存储类型统计用量。",
    "Reads the listing once, and prints the line of a folder when the folder is complete.": (
        "只读一遍列表，列完一个目录就立即输出它的合计。"
    ),
    "The size of a space:": "整个空间的用量：",
    "And the size of each of its top-level folders:": "以及第一层每个目录的用量：",
    "By storage class:": "按存储类型统计：",
    "Of all MP4 files:": "所有 MP4 文件的用量：",
    "Print a line for each folder up to this depth too.": "另按目录逐行统计，最多 N 层。",
    "Print a line for each storage class.": "每种存储类型输出一行。",
    "{address} in all": "{address} 合计",
    "{count} objects": "{count} 个对象",
    # stat
    "Show all properties of an object or a space.": "显示对象或空间的全部信息。",
    "One object:": "一个对象：",
    "With its tags and who may read it:": "连同标签和读权限：",
    "A space:": "一个空间：",
    "The size of each of many, for a program:": "多个对象各自的信息，供程序读取：",
    "Also show its tags, which needs another request.": "同时显示标签，需要多发一个请求。",
    "Also show who besides the owner may read it.": "同时显示除所有者外谁可以读取。",
    # cat
    "Write objects, or ranges of them, to standard output.": "把对象或其中一段输出到标准输出。",
    "Several objects are written one after another, in the given order. If an object changes while it is read, "
    "the command fails. --range includes both ends, like HTTP; --end is exclusive, like slices in programs.": (
        "多个对象按指定的顺序依次输出。读取途中对象发生变化会报错。\n"
        "--range 与 HTTP 一样包含两端；--end 与程序里的切片一样不包含末端。"
    ),
    "To the screen:": "输出到屏幕：",
    "The first 100 bytes of a file, into a program:": "文件的前 100 个字节，交给另一个程序：",
    "Its last 20 bytes:": "最后 20 个字节：",
    "Join the pieces of a file:": "把几个对象合并成一个文件：",
    "Bytes A to B, both included; A-: from A on; -N: the last N.": (
        "A-B 表示第 A 到 B 字节，含两端；A- 表示从 A 到末尾，-N 表示最后 N 个字节。"
    ),
    "First byte, counted from 0; a negative -N: the last N bytes.": "起始字节，从 0 开始；-N 表示最后 N 个字节。",
    "End before this byte.": "结束字节，不包含在内。",
    "{text} is not a range: write 0-99, 100- or -100": "{text} 不是有效的范围，应写成 0-99、100- 或 -100",
    "give --range, or --start and --end, not both": "--range 与 --start、--end 不能同时使用",
    # presign
    "Create links with which others can read or store an object.": "生成链接，供他人读取或上传对象。",
    "Without a pattern no request is sent, so an object that does not exist gets a link too, and the clock of "
    "this machine decides when a link expires. Whoever has a link can use it until then. Only a change of the key "
    "pair revokes it.": (
        "不带通配符时不访问服务端，因此对象不存在也能生成，过期时间按本机时钟计算。\n"
        "任何拿到链接的人在过期之前都能使用，只有更换密钥才能撤销。"
    ),
    "A link for a week:": "一周有效的链接：",
    "A link that a browser saves under another name:": "浏览器下载时另存为其他文件名：",
    "A link with which somebody can store an object:": "供他人上传对象的链接：",
    "What a link opens, and until when:": "查看链接指向什么、何时过期：",
    "HTTP method of the link.": "链接的 HTTP 方法。",
    "Time until the link expires: 7d, 12h, 90s.": "有效期，例如 7d、12h、90s。",
    "With GET: file name that a browser uses for the download.": "用于 GET：浏览器下载时使用的文件名。",
    "With PUT: the Content-Type that must be sent with it.": "用于 PUT：上传时必须发送的 Content-Type。",
    # restore
    "Make archived objects readable.": "解冻归档对象。",
    "An object of class ARCHIVE can be read only after it was restored, which takes minutes to hours. --wait "
    "checks repeatedly, at growing intervals, until all objects can be read. After --timeout it ends with exit "
    "code 1.": (
        "归档类型（ARCHIVE）的对象要先解冻才能读取，需要几分钟到几小时。\n"
        "--wait 会反复查询，间隔逐渐加大，直到全部可读，或到 --timeout 为止（退出码 1）。"
    ),
    "All objects of a space, faster and at a higher price, until they can be read:": (
        "加急解冻空间中的全部对象（费用更高），等到全部可读："
    ),
    "Speed of the restore; faster costs more.": "解冻速度，越快费用越高。",
    "Wait until they can be read.": "等到可以读取为止。",
    "With --wait: longest time to wait.": "与 --wait 一起使用：最长等待时间。",
    "With --wait: time before the first check.": "与 --wait 一起使用：第一次查询前的等待时间。",
    "would be restored: {address}": "将会解冻：{address}",
    "can be read: {address}": "可以读取：{address}",
    "is being restored: {address}": "正在解冻：{address}",
    "it cannot be read yet; ask again later": "现在还不能读取，请稍后再查询",
    # set
    "Change the storage class, media type or tags of objects.": "修改对象的存储类型、媒体类型或标签。",
    "The class can only become a cheaper one: STANDARD to IA or ARCHIVE, IA to ARCHIVE. --tag replaces all "
    "existing tags.": (
        "存储类型只能改为更便宜的：STANDARD 改为 IA 或 ARCHIVE，IA 改为 ARCHIVE。\n--tag 会替换原有的全部标签。"
    ),
    "Its media type:": "媒体类型：",
    "The storage class of many:": "多个对象的存储类型：",
    "Its tags:": "标签：",
    "Storage class.": "存储类型。",
    "Media type, such as video/mp4.": "媒体类型，例如 video/mp4。",
    "A tag; repeatable.": "一个标签，可多次指定。",
    "Remove all tags.": "删除所有标签。",
    "would be changed: {address}": "将会修改：{address}",
    "changed {address}": "已修改 {address}",
    "give --tag or --no-tags, not both": "--tag 与 --no-tags 不能同时使用",
    "there is nothing to change: give --class, --mime, --tag or --no-tags": (
        "没有要修改的内容：请指定 --class、--mime、--tag 或 --no-tags"
    ),
    "{text} is not a tag: write NAME=VALUE": "{text} 不是有效的标签，应写成 名称=值",
}
