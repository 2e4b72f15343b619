"""Texts of verify and etag."""

WORDS = {
    "Compare files and objects by size and content.": "按大小和内容比较文件与对象。",
    "Each place is a file, a folder, an object or a prefix. Sizes are compared first; if they are equal, etags "
    "are compared. The etags of local files are computed here, and nothing is transferred. missing: not in the "
    "second place; extra: not in the first. Exit code 5 if anything differs.": (
        "两个位置都可以是文件、目录、对象或前缀。先比较大小，大小相同再比较 ETag；\n"
        "本地文件的 ETag 在本地计算，不传输数据。“缺少”指第二个位置没有，“多余”指第一个位置没有。\n"
        "只要有不同，退出码就是 5。"
    ),
    "A file and an object:": "比较文件和对象：",
    "A folder and its copy:": "比较目录和它的副本：",
    "Ignore items that only the second place has:": "忽略第二个位置多出的项：",
    "Two places of the service:": "比较服务端的两个位置：",
    "Ignore items that only the second place has.": "忽略第二个位置多出的项。",
    "Compare sizes, not content.": "只比较大小，不比较内容。",
    "Number of files hashed at a time.": "同时计算哈希的文件数。",
    "missing": "缺少",
    "extra": "多余",
    "different": "不同",
    "unknown": "无法比较",
    "{count} the same, {size}": "{count} 个相同，共 {size}",
    "{count} different": "{count} 个不同",
    "{count} missing": "缺少 {count} 个",
    "{count} extra": "多余 {count} 个",
    "{count} unknown": "{count} 个无法比较",
    "verify compares files and objects; use uvideo etag for a pipe": (
        "verify 只比较文件和对象；要读管道请用 uvideo etag"
    ),
    "{text}: verify does not support patterns; use --include": "{text}：verify 的地址不能用通配符，请用 --include",
    "{text} is a folder; {other} is not": "{text} 是目录，而 {other} 不是",
    "Compute the etag of files, without the service.": "在本地计算文件的 ETag，不访问服务端。",
    "Computes the etag that an object with these bytes has, without the service. Without a file it reads standard "
    "input.": ("计算同样内容的对象应有的 ETag，不访问服务端；不指定文件时读标准输入。"),
    "Of files:": "文件的 ETag：",
    "Of the output of a program:": "另一个程序输出的内容：",
    "Compare with the stored object:": "与已存储的对象是否一致：",
}
