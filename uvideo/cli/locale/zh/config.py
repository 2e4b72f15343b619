"""Texts of config and completion."""

WORDS = {
    "Keep profiles: hosts and keys under a name.": "管理配置（profile）：为主机和密钥起一个名字。",
    "Profiles are tables of the configuration file; an option or variable stands above them. Private keys are typed "
    "without being shown, or read from a file: never given on the command line, where others can read them.": (
        "每个 profile 是配置文件里的一个表；命令行选项和环境变量优先于它。\n"
        "私钥要么输入（不显示），要么从文件读取，绝不写在命令行上，因为命令行会被其他用户看到。"
    ),
    "A profile for a local server, with the key pair it made:": "为本地服务建一个 profile，使用它生成的密钥：",
    "The profiles there are:": "已有的 profile：",
    "One setting changed:": "修改一项设置：",
    "List the profiles; the default one has a star.": "列出 profile，默认的带星号。",
    "With their settings:": "连同设置一起：",
    "Show the settings of a profile, keys masked.": "显示一个 profile 的设置，密钥会被遮盖。",
    "Of the profile that is used:": "当前使用的 profile：",
    "Set one setting of a profile, which is made if it is absent.": "设置 profile 的一项，没有该 profile 时新建。",
    "A secret is asked for, or read from --key-file: a file that holds it, or - for standard input.": (
        "机密内容会提示输入，或用 --key-file 从文件读取，- 表示标准输入。"
    ),
    "The host of the service:": "服务的主机：",
    "A private key out of a file:": "从文件读取私钥：",
    "The storage of transfers' records:": "传输记录的存放位置：",
    "Read the value from this file; - for standard input.": "从该文件读取值，- 表示标准输入。",
    "Remove settings of a profile.": "删除 profile 的设置项。",
    "One setting:": "一项设置：",
    "Make a profile the default.": "把一个 profile 设为默认。",
    "Commands without --profile take it from now on:": "今后不带 --profile 的命令都使用它：",
    "Remove a profile with its keys.": "删除 profile 及其密钥。",
    "Without asking:": "不再询问：",
    "Print where the configuration file is, whether or not it exists.": "显示配置文件的位置，无论是否存在。",
    "To look at it:": "查看它：",
    "Make a profile: provider, host and keys, tried by one call before they are kept.": (
        "新建 profile：服务商、主机和密钥，先试连一次再保存。"
    ),
    "On a terminal it asks for what is not given. --key-file is JSON with public_key and private_key, as a local "
    "server keeps them in credentials.json, or the private key alone; - for standard input.": (
        "在终端上会询问没有给出的内容。--key-file 可以是含 public_key 和 private_key 的 JSON\n"
        "（本地服务的 credentials.json 就是这种格式），也可以只含私钥；- 表示标准输入。"
    ),
    "For a local server, without a question:": "为本地服务新建，不询问：",
    "With us3: where the spaces are, such as cn-bj.": "用于 us3：空间所在地域，例如 cn-bj。",
    "The public key; the private one is asked for.": "公钥；私钥会另行询问。",
    "Read keys from this file; - for standard input.": "从该文件读取密钥，- 表示标准输入。",
    "Keep the profile without trying it.": "不试连，直接保存。",
    "Replace a profile of that name without asking.": "同名 profile 直接替换，不再询问。",
    "there is no profile {name}; there are {names}": "没有 profile {name}，已有的是：{names}",
    "there is no profile yet: uvideo config init makes one": "还没有任何 profile，可用 uvideo config init 新建",
    "{profile} is the default now": "默认 profile 现在是 {profile}",
    "{profile} is removed": "已删除 {profile}",
    "{profile}: {name} is removed": "{profile}：已删除 {name}",
    "{profile} has no {name}: nothing to remove": "{profile} 没有 {name}，无需删除",
    "remove the profile {profile} and its keys?": "删除 profile {profile} 及其密钥？",
    "replace the profile {name}?": "替换 profile {name}？",
    "keep the profile all the same?": "仍然保存该 profile？",
    "kept in {path}; try: uvideo spaces --profile {name}": "已保存到 {path}，可以试试：uvideo spaces --profile {name}",
    "trying the keys ...": "正在试用密钥……",
    "the service takes them; spaces: {count}": "密钥可用，空间数：{count}",
    "{name} is a secret: leave it out and type it when asked, or give --key-file": (
        "{name} 是机密：请不要写在命令行上，等提示时输入，或用 --key-file"
    ),
    "give a value or --key-file, not both": "值和 --key-file 不能同时给出",
    "give a value; a secret by --key-file FILE or --key-file - (standard input)": (
        "请给出值；机密内容用 --key-file 文件 或 --key-file -（标准输入）给出"
    ),
    "give --public-key and --key-file, or run this on a terminal, where it asks": (
        "请给出 --public-key 和 --key-file，或在终端上运行，会逐项询问"
    ),
    "{path} holds several lines; one with the value alone is expected": "{path} 有多行，应该只有一行，即该值本身",
    "{path} is too large for a key": "{path} 太大，不像是密钥文件",
    "{path} is not UTF-8": "{path} 不是 UTF-8 编码",
    "name of the profile": "profile 名称",
    "provider": "服务商",
    "host and port of the server": "服务的主机和端口",
    "region": "地域",
    "public key": "公钥",
    "private key (not shown)": "私钥（不显示）",
    # completion
    "Print the script that completes commands in a shell.": "输出 shell 的命令补全脚本。",
    "The script goes where the shell reads it at its start.": "把脚本放到 shell 启动时会读取的地方。",
    "bash, in ~/.bashrc:": "bash，写入 ~/.bashrc：",
    "zsh, into a folder of fpath:": "zsh，放进 fpath 中的某个文件夹：",
    "fish, for good:": "fish，永久生效：",
}
