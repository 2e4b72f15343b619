"""Texts of find and tree."""

WORDS = {
    # find
    "Find objects by name, size, age and storage class.": "按名称、大小、时间和存储类型查找对象。",
    "Prints the addresses of all objects below ADDRESS that meet all criteria, as they are listed. Of several --name, "
    "or --class, one must match.": (
        "按列表顺序输出 ADDRESS 下满足全部条件的对象地址。\n多个 --name 或多个 --class 满足其一即可。"
    ),
    "--exec runs a program for each object, without a shell: {} in its arguments is the address. The command ends at ; "
    "or at the end of the line; if it ends with {} + the program gets many addresses at once. Its standard input is "
    "empty. If it ends with another exit code than 0, the object counts as failed, and the others go on.": (
        "--exec 对每个对象运行一个程序，不经过 shell：参数中的 {} 替换为对象地址。命令到 ; 或行尾为止；\n"
        "以 {} + 结尾时，一次把多个地址交给程序。程序的标准输入为空。退出码不为 0 时，该对象记为失败，其余对象继续。"
    ),
    "All MP4 files of a space of at least 1 KiB:": "空间中所有不小于 1 KiB 的 MP4 文件：",
    "Objects modified in the last day, for a program:": "最近一天修改过的对象，供程序读取：",
    "Archived objects that are older than 90 days:": "90 天以前的归档对象：",
    "Remove all temporary files, many with each call:": "删除所有临时文件，每次调用删除多个：",
    "The addresses for another program, whatever is in the keys:": "把地址交给另一个程序，键里含任何字符都不会出错：",
    "The last part of the key matches. Repeatable.": "键的最后一段与模式匹配，可多次指定。",
    "Storage class. Repeatable.": "存储类型，可多次指定。",
    "Run this program with each address in place of {}, instead of printing it.": (
        "不输出地址，而是对每个地址运行该程序，{} 替换为地址。"
    ),
    "--name is compared with the last part of a key, which has no slash: write the rest in the address": (
        "--name 只与键的最后一段比较，其中没有斜杠：其余部分请写在地址里"
    ),
    "only one --exec can be given": "--exec 只能指定一次",
    "--null and --exec cannot be combined": "--null 和 --exec 不能同时使用",
    "--exec needs a program, and {} where the address goes": "--exec 后面要写程序，并用 {} 表示地址",
    "--exec: there is no program {program}; give it and its arguments as separate words": (
        "--exec：找不到程序 {program}；程序和各个参数要分开写"
    ),
    "{program} ended with {code}": "{program} 的退出码为 {code}",
    "{first} and {count} more": "{first} 等，另有 {count} 个",
    # tree
    "Show folders and objects as a tree.": "以树状显示目录和对象。",
    "Reads a folder when its line is printed, so memory does not grow with the number of objects. --sizes shows the "
    "bytes of each object, and reads all keys below each folder that is shown, to add up theirs.": (
        "输出到哪个目录才读取哪个目录，内存占用不随对象数增长。\n"
        "--sizes 显示每个对象的字节数；为了合计目录的大小，还会读取所显示的每个目录下的全部键。"
    ),
    "Its folders, with the bytes in each, two levels deep:": "只看两层目录以及各自的大小：",
    "For a program:": "供程序读取：",
    "Show at most this many levels.": "最多显示 N 层。",
    "Show no objects.": "不显示对象。",
    "Show the bytes of objects and of all in a folder.": "显示对象的字节数和目录的总字节数。",
    "{count} folders": "{count} 个目录",
    "{count} bytes": "{count} 字节",
}
