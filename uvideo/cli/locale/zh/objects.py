"""Texts of ls, du, stat, cat, presign, restore and set."""

WORDS = {
    # ls
    "List spaces, folders and objects.": "列出空间、文件夹和对象。",
    "Without an address it lists the spaces. What lies below a slash is shown as one folder, unless -r is given or "
    "the address is a pattern. Lines are printed as soon as the service has said them.": (
        "不给地址时列出所有空间。斜杠以下的内容合并显示为一个文件夹，除非给出 -r 或地址是通配符。\n"
        "服务端每返回一页就立即输出一页。"
    ),
    "The spaces of this key pair:": "当前密钥下的空间：",
    "The top of a space, its folders as such:": "空间的最上一层，文件夹单独显示：",
    "All below a folder, with size, time, class and etag:": "文件夹下的全部对象，带大小、时间、存储类型和 ETag：",
    "Every MP4 file, however deep:": "所有层级下的 MP4 文件：",
    "The first five keys, for a program:": "前五个键，供程序读取：",
    "Size, time, storage class and etag of each.": "显示每个对象的大小、时间、存储类型和 ETag。",
    "Sizes such as 12.3 MiB.": "大小显示为 12.3 MiB 这样的形式。",
    "All that lies below, not folders.": "列出下面的全部对象，不按文件夹合并。",
    "End after so many lines for each address.": "每个地址最多输出这么多行。",
    # du
    "Add up what is stored, by folder and storage class.": "按文件夹和存储类型统计占用。",
    "Reads the listing once; a folder's line comes as soon as the listing has passed it.": (
        "只读一遍列表，列完一个文件夹就立即输出它的合计。"
    ),
    "How much there is in a space:": "整个空间的占用：",
    "And in each of its top folders:": "以及最上层每个文件夹的占用：",
    "By storage class:": "按存储类型统计：",
    "Of all MP4 files:": "所有 MP4 文件的占用：",
    "Folders this deep get a line too.": "这么多层以内的文件夹也各输出一行。",
    "Each storage class on a line of its own.": "每种存储类型单独一行。",
    "{address} in all": "{address} 合计",
    "{count} objects": "{count} 个对象",
    # stat
    "Show all that is known of an object or a space.": "显示对象或空间的全部信息。",
    "One object:": "一个对象：",
    "With its tags and who may read it:": "连同标签和读权限：",
    "A space:": "一个空间：",
    "The size of each of many, for a program:": "多个对象各自的信息，供程序读取：",
    "Its tags too, which the service is asked for.": "同时查询标签。",
    "Who may read it beside its owner, too.": "同时查询除所有者外谁可以读。",
    # cat
    "Write objects, or ranges of them, to standard output.": "把对象或其中一段输出到标准输出。",
    "Several objects come one after another, in the order given. An object that changes while it is read ends in an "
    "error. --range counts both ends, as HTTP does; --end does not, as slices in programs do.": (
        "多个对象按给出的顺序依次输出。读取途中对象发生变化会报错。\n"
        "--range 与 HTTP 一样包含两端；--end 与程序里的切片一样不包含末端。"
    ),
    "To the screen:": "输出到屏幕：",
    "The first 100 bytes of a file, into a program:": "文件的前 100 个字节，交给另一个程序：",
    "Its last 20 bytes:": "最后 20 个字节：",
    "The parts of a file put together again:": "把分散的几个对象拼成一个文件：",
    "Bytes A to B, both included; A- from A on, -N the last N.": (
        "第 A 到 B 字节，含两端；A- 表示从 A 开始，-N 表示最后 N 个字节。"
    ),
    "The first byte, from 0; below 0: the last -N bytes.": "起始字节，从 0 数起；负数表示最后若干字节。",
    "Up to, not including, this byte.": "到这个字节为止，不含它。",
    "{text} is no range: 0-99, 100- or -100": "{text} 不是有效的范围，应写成 0-99、100- 或 -100",
    "give --range, or --start and --end, not both": "--range 与 --start、--end 不能同时使用",
    # presign
    "Make links by which others read or store an object.": "生成链接，供他人读取或上传对象。",
    "Nothing is asked of the service, so an object that is absent gets a link too. Whoever has a link can use it until "
    "it expires: it cannot be taken back, but for changing the key pair.": (
        "生成时不访问服务端，所以对象不存在也会得到链接。\n"
        "任何拿到链接的人在过期之前都能使用，除非更换密钥，否则无法收回。"
    ),
    "A link for a week:": "一周有效的链接：",
    "One that a browser saves under another name:": "浏览器下载时另存为其他文件名：",
    "One by which somebody can store an object:": "供他人上传对象的链接：",
    "What a link opens, and until when:": "查看链接指向什么、何时过期：",
    "What it is for.": "链接的用途。",
    "How long: 7d, 12h, 90s.": "有效期，例如 7d、12h、90s。",
    "With GET: what a browser calls the download.": "用于 GET：浏览器下载时使用的文件名。",
    "With PUT: the Content-Type that must be sent with it.": "用于 PUT：上传时必须发送的 Content-Type。",
    "{text} is no time: 7d, 12h, 1h30m, 90s or a number of seconds": (
        "{text} 不是有效的时长，应写成 7d、12h、1h30m、90s 或秒数"
    ),
    # restore
    "Make archived objects readable.": "解冻归档对象。",
    "An object of class ARCHIVE can be read only after it was restored, which takes minutes to hours. --wait looks "
    "again and again, at growing distances, until all can be read or --timeout is over: exit code 1 then.": (
        "归档类型（ARCHIVE）的对象要先解冻才能读取，需要几分钟到几小时。\n"
        "--wait 会反复查询，间隔逐渐加大，直到全部可读，或到 --timeout 为止（退出码 1）。"
    ),
    "All of a space, faster and dearer, until they can be read:": "加急解冻整个空间（费用更高），等到全部可读：",
    "How fast, at what price.": "解冻速度，越快费用越高。",
    "Wait until they can be read.": "等待，直到可以读取。",
    "With --wait: for how long at most.": "与 --wait 一起使用：最长等待时间。",
    "With --wait: until the first look.": "与 --wait 一起使用：第一次查询前的等待时间。",
    "would be restored: {address}": "将会解冻：{address}",
    "can be read: {address}": "可以读取：{address}",
    "is being restored: {address}": "正在解冻：{address}",
    "it cannot be read yet; ask again later": "现在还不能读取，请稍后再查询",
    # set
    "Change the storage class, media type or tags of objects.": "修改对象的存储类型、媒体类型或标签。",
    "Classes only get cheaper: STANDARD to IA or ARCHIVE, IA to ARCHIVE. --tag replaces all tags that there were.": (
        "存储类型只能向更便宜的方向改：STANDARD 改为 IA 或 ARCHIVE，IA 改为 ARCHIVE。\n--tag 会替换原有的全部标签。"
    ),
    "Its media type:": "媒体类型：",
    "The storage class of many:": "多个对象的存储类型：",
    "Its tags:": "标签：",
    "Storage class.": "存储类型。",
    "Media type, such as video/mp4.": "媒体类型，例如 video/mp4。",
    "A tag; repeatable.": "一个标签，可重复给出。",
    "Remove all tags.": "删除所有标签。",
    "would be changed: {address}": "将会修改：{address}",
    "changed {address}": "已修改 {address}",
    "give --tag or --no-tags, not both": "--tag 与 --no-tags 不能同时使用",
    "give --class, --mime, --tag or --no-tags: what is to change": (
        "请用 --class、--mime、--tag 或 --no-tags 说明要修改什么"
    ),
    "{text} is no tag: NAME=VALUE is": "{text} 不是有效的标签，应写成 名称=值",
}
