"""Texts of verify and etag."""

WORDS = {
    "Compare files and objects by size and content.": "按大小和内容比较文件与对象。",
    "Both places are files, folders, objects or what lies below a prefix. Sizes are compared, and etags where they are "
    "the same: those of local files are computed, nothing is moved. missing: not in the second place; extra: not in "
    "the first. Exit code 5 if anything differs.": (
        "两处都可以是文件、文件夹、对象或某个前缀下的内容。先比较大小，大小相同再比较 ETag；\n"
        "本地文件的 ETag 在本地计算，不传输数据。“缺少”指第二处没有，“多余”指第一处没有。\n"
        "有任何不同时退出码为 5。"
    ),
    "A file and an object:": "一个文件与一个对象：",
    "A folder and its copy:": "一个文件夹与它的副本：",
    "What the second place has more does not count:": "第二处多出来的不算不同：",
    "Two places of the service:": "服务端的两处：",
    "What only the second place has is no difference.": "只在第二处有的不算不同。",
    "Compare sizes, not content.": "只比较大小，不比较内容。",
    "Files hashed at a time.": "同时计算校验的文件数。",
    "missing": "缺少",
    "extra": "多余",
    "different": "不同",
    "unknown": "无法比较",
    "{count} the same, {size}": "{count} 个相同，共 {size}",
    "{count} different": "{count} 个不同",
    "{count} missing": "缺少 {count} 个",
    "{count} extra": "多余 {count} 个",
    "{count} unknown": "{count} 个无法比较",
    "verify compares files and objects; uvideo etag reads a pipe": (
        "verify 只比较文件和对象；要读管道请用 uvideo etag"
    ),
    "{text}: verify takes no pattern; --include does": "{text}：verify 的地址不能用通配符，请用 --include",
    "{text} is a folder; {other} is none": "{text} 是文件夹，而 {other} 不是",
    "Compute the etag of files, without the service.": "在本地计算文件的 ETag，不访问服务端。",
    "The etag that an object of these bytes has, computed without the service; standard input without a file.": (
        "计算这些内容作为对象时的 ETag，不访问服务端；不给文件时读标准输入。"
    ),
    "Of files:": "文件的 ETag：",
    "Of what a program writes:": "另一个程序输出的内容：",
    "Whether that is what is stored:": "与已存储的对象是否一致：",
}
