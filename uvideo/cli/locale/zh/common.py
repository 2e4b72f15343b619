"""Texts that all verbs share."""

WORDS = {
    "Addresses are names: no character makes a pattern of them.": "地址按字面处理，其中的字符都不当作通配符。",
    "UVideo / UFile (US3) object storage.": "UVideo / UFile (US3) 对象存储。",
    "Objects are written uvideo://space/key; keys may contain the patterns *, ?, [...] and **. `uvideo VERB "
    "--help` shows examples that run unchanged. Exit codes: 0 success, 1 some items failed, 2 wrong usage, 3 keys "
    "or rights, 4 not found, 5 content does not verify, 130 interrupted.": (
        "对象写作 uvideo://空间/键，键里可以用通配符 *、?、[...] 和 **。`uvideo 命令 --help` 里的示例都可以直接运行。\n"
        "退出码：0 成功，1 部分失败，2 用法错误，3 密钥或权限问题，4 不存在，5 内容校验不符，130 被中断。"
    ),
    "Usage: ": "用法：",
    "Verbs:": "命令：",
    "Options:": "选项：",
    "Options of every verb:": "所有命令通用的选项：",
    "Examples:": "示例：",
    "Show this help and exit.": "显示本帮助并退出。",
    "Print the version.": "显示版本号。",
    "{text} is too long: at most {days} days": "{text} 太长，最长 {days} 天",
    "{text} is not a time: write 7d, 12h, 1h30m, 90s or a number of seconds": (
        "{text} 不是有效的时长，应写成 7d、12h、1h30m、90s 或秒数"
    ),
    "Profile of the configuration file.": "使用配置文件中的哪个配置（profile）。",
    "Configuration file.": "配置文件。",
    "Host or URL of the service.": "服务的主机名或 URL。",
    "auto-ai, ucloud, us3 or local.": "服务商：auto-ai、ucloud、us3 或 local。",
    "Print one JSON object per line, also for errors.": "每行输出一个 JSON 对象，错误信息也是。",
    "Print results and errors only.": "只输出结果和错误。",
    "Print more information.": "输出更多信息。",
    "No progress display.": "不显示进度。",
    "Time between lines of progress where standard error is no terminal; 0 for none. [default: 10s]": (
        "标准错误不是终端时，每隔多久输出一行进度；0 表示不输出。[默认：10s]"
    ),
    "Print what would be done; change nothing.": "试运行：只显示将要执行的操作，不做任何改动。",
    "there is no verb {name}; did you mean {near}?": "没有 {name} 这个命令，是不是想用 {near}？",
    "there is no verb {name}; there are {verbs}": "没有 {name} 这个命令，可用的命令有：{verbs}",
    "there is no verb {name}": "没有 {name} 这个命令",
    "there is no option {name}": "没有 {name} 这个选项",
    "there is no option {name}; did you mean {near}?": "没有 {name} 这个选项，是不是想用 {near}？",
    "{name} is missing": "缺少 {name}",
    " or ": " 或 ",
    "{first} and {last} are needed": "需要 {first} 和 {last}",
    "there are too many arguments: {text}": "参数过多：{text}",
    "{name} needs a value": "{name} 需要一个值",
    "{name} takes no value": "{name} 不接受值",
    "{value} is not a number": "{value} 不是数字",
    "{value} is not in the range {range}": "{value} 不在范围 {range} 内",
    "{value} is not one of {choices}": "{value} 无效，可选值：{choices}",
    "{name}: {reason}": "{name}：{reason}",
    "[default: ": "[默认：",
    ": ": "：",
    "{message}; see {command} --help": "{message}；用法见 {command} --help",
    "this is a bug in the program, not a mistake of yours ({kind}: {text}); UVIDEO_TRACEBACK=1 shows where": (
        "这是程序自身的缺陷，不是你的操作问题（{kind}: {text}）；设置 UVIDEO_TRACEBACK=1 可查看出错位置"
    ),
    "uvideo is being installed at this moment, or was installed in part ({text})": (
        "uvideo 正在安装，或者没有装完整（{text}）"
    ),
    "interrupted": "已中断",
    # Addresses
    "an address is empty: a local path or uvideo://space/key is needed": "地址为空：请指定本地路径或 uvideo://空间/键",
    "{text} looks like an address of {scheme}://; objects here are written uvideo://space/key, "
    "and a file of that name ./{text}": (
        "{text} 像是 {scheme}:// 的地址；这里的对象要写成 uvideo://空间/键，同名的本地文件要写成 ./{text}"
    ),
    "{text}: an object is written uvideo://space/key, with two slashes after the colon": (
        "{text}：对象要写成 uvideo://空间/键，冒号后面是两个斜杠"
    ),
    "an address contains a zero byte": "地址中含有零字节",
    "{text} does not name a space: write uvideo://space/key; uvideo spaces lists the spaces": (
        "{text} 没有写明空间：请写成 uvideo://空间/键；uvideo spaces 可列出所有空间"
    ),
    "{text}: the name of a space cannot be a pattern, only a key can": "{text}：空间名不能用通配符，只有键可以",
    "{text}: the key is not UTF-8": "{text}：键不是 UTF-8 编码",
    "{text} is not the address of an object: write uvideo://space/key": (
        "{text} 不是对象的地址：请写成 uvideo://空间/键"
    ),
    "{text} names a space, not an object: write uvideo://space/key": (
        "{text} 只写了空间，没有写对象：请写成 uvideo://空间/键"
    ),
    "{text} names an object; a space is written uvideo://space": "{text} 是对象的地址；空间要写成 uvideo://空间",
    "{text} is not a local path": "{text} 不是本地路径",
    # Errors
    "error: {message}": "错误：{message}",
    "line {number}: {text}": "第 {number} 行：{text}",
    "there is no space {space}": "没有空间 {space}",
    "there is no object uvideo://{space}/{key}": "没有对象 uvideo://{space}/{key}",
    "request {id}": "请求号 {id}",
    "the service refused: {reason}": "服务端拒绝了请求：{reason}",
    "uvideo mb uvideo://{space} creates it; uvideo spaces lists the existing ones": (
        "用 uvideo mb uvideo://{space} 可以新建它；用 uvideo spaces 可列出已有的空间"
    ),
    "no keys are configured": "尚未配置密钥",
    "no keys: choose a profile with --profile or uvideo config use; there are {names}": (
        "没有密钥：请用 --profile 或 uvideo config use 选择一个配置（profile），现有：{names}"
    ),
    "run uvideo config init, or set UVIDEO_PUBLIC_KEY and UVIDEO_PRIVATE_KEY; {doctor} checks them": (
        "请运行 uvideo config init，或设置 UVIDEO_PUBLIC_KEY 和 UVIDEO_PRIVATE_KEY；{doctor} 可以检查密钥"
    ),
    "often the private key does not belong to the public key; {doctor} checks keys, clock and host": (
        "多半是私钥与公钥不配对；运行 {doctor} 可检查密钥、时钟和主机"
    ),
    "{doctor} checks keys, clock and host": ("运行 {doctor} 可检查密钥、时钟和主机"),
    "it is of class ARCHIVE: uvideo restore makes it readable": (
        "它是归档类型（ARCHIVE）：先用 uvideo restore 解冻才能读取"
    ),
    "to continue, run the same command or uvideo transfers resume {id}": (
        "再次运行同一条命令，或运行 uvideo transfers resume {id}，即可继续"
    ),
    "check the endpoint and the network; {doctor} checks them step by step": (
        "请检查 endpoint 和网络；{doctor} 会逐步检查"
    ),
    "{doctor} checks proxy, certificates and host step by step": "{doctor} 会逐步检查代理、证书和主机",
    "the disk is full: free some space and run the command again": "磁盘已满：请腾出空间后重新运行该命令",
    # Reports
    ", ": "，",
    "{done} done": "完成 {done} 项",
    "{count} skipped": "跳过 {count} 项",
    "{count} deleted": "删除 {count} 项",
    "{count} failed": "失败 {count} 项",
    "dry run, nothing was changed: {words}": "试运行，未做任何改动：{words}",
    " in {time}, {rate}/s": "，用时 {time}，{rate}/s",
    " in {time}": "，用时 {time}",
    "{count} of {total} failed:": "{total} 项中有 {count} 项失败：",
    "  and {count} more": "  以及另外 {count} 项",
}
