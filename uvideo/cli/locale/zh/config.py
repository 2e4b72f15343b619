"""Texts of config and completion."""

WORDS = {
    "Manage profiles: hosts and keys under a name.": "管理配置（profile）：按名称保存主机和密钥。",
    "Profiles are tables of the configuration file; options and environment variables override them. Private keys "
    "are typed without being shown, or read from a file. They are never given on the command line, where others "
    "can read them.": (
        "每个 profile 是配置文件里的一个表；命令行选项和环境变量优先于它。\n"
        "私钥只能手工输入（不回显）或从文件读取，不能写在命令行上：其他用户看得到命令行。"
    ),
    "A profile for a local server, with its key pair:": "为本地服务端建一个 profile，使用它的密钥：",
    "List the profiles:": "列出全部 profile：",
    "Change one setting:": "修改一项设置：",
    "List the profiles; the default one has a star.": "列出 profile，默认的带星号。",
    "With their settings:": "连同设置一起：",
    "Show the settings of a profile, keys masked.": "显示 profile 的设置，密钥只显示一部分。",
    "Of the profile in use:": "当前使用的 profile：",
    "Set one setting of a profile. The profile is created if it does not exist.": (
        "修改 profile 的一项设置，profile 不存在则新建。"
    ),
    "The command asks for a secret, or reads it from --key-file, a file or - for standard input.": (
        "机密内容会提示输入，也可用 --key-file 从文件读取，- 表示标准输入。"
    ),
    "The host of the service:": "服务的主机：",
    "A private key from a file:": "从文件读取私钥：",
    "The folder for the records of transfers:": "传输记录的存放位置：",
    "Read the value from this file; - for standard input.": "从该文件读取值，- 表示标准输入。",
    "Remove settings of a profile.": "删除 profile 的设置项。",
    "One setting:": "一项设置：",
    "Make a profile the default.": "把一个 profile 设为默认。",
    "Commands without --profile use it from now on:": "今后不带 --profile 的命令都使用它：",
    "Remove a profile with its keys.": "删除 profile 及其密钥。",
    "Without asking:": "不再询问：",
    "Print where the configuration file is, whether or not it exists.": "显示配置文件的位置，无论是否存在。",
    "Show the file:": "查看它：",
    "Create a profile: provider, host and keys, tested by one call before they are saved.": (
        "新建 profile：服务商、主机和密钥，验证通过后保存。"
    ),
    "On a terminal it asks for missing values. --key-file is JSON with public_key and private_key, like "
    "credentials.json of a local server, or the private key alone; - is standard input.": (
        "在终端上，缺少的内容会逐项询问。--key-file 可以是含 public_key 和 private_key 的 JSON\n"
        "（本地服务端的 credentials.json 就是这种格式），也可以只含私钥；- 表示标准输入。"
    ),
    "For a local server, without a question:": "为本地服务端新建，不询问：",
    "With us3: where the spaces are, such as cn-bj.": "用于 us3：空间所在地域，例如 cn-bj。",
    "The public key; the command asks for the private one.": "公钥；私钥会另行询问。",
    "Read keys from this file; - for standard input.": "从该文件读取密钥，- 表示标准输入。",
    "Save the profile without a test.": "不验证，直接保存。",
    "Replace a profile of that name without asking.": "直接替换同名 profile，不再询问。",
    "there is no profile {name}; there are {names}": "没有名为 {name} 的 profile，现有：{names}",
    "there is no profile yet: uvideo config init creates one": "还没有任何 profile，可用 uvideo config init 新建",
    "{profile} is now the default": "默认 profile 现在是 {profile}",
    "{profile} is removed": "已删除 {profile}",
    "{profile}: {name} is removed": "{profile}：已删除 {name}",
    "{profile} has no {name}: nothing to remove": "{profile} 没有 {name}，无需删除",
    "remove the profile {profile} and its keys?": "删除 profile {profile} 及其密钥？",
    "replace the profile {name}?": "替换 profile {name}？",
    "save the profile anyway?": "仍然保存该 profile？",
    "nothing was saved; --no-check saves a profile without this test": (
        "没有保存任何内容；用 --no-check 可跳过检查直接保存"
    ),
    "saved in {path}; try: uvideo spaces --profile {name}": "已保存到 {path}，可以试试：uvideo spaces --profile {name}",
    "testing the keys ...": "正在验证密钥……",
    "the service accepts the keys; spaces: {count}": "密钥验证通过，空间数：{count}",
    "{name} is a secret: leave it out and type it when asked, or give --key-file": (
        "{name} 是机密：请不要写在命令行上，等提示时输入，或用 --key-file"
    ),
    "give a value or --key-file, not both": "值与 --key-file 不能同时使用",
    "give a value; a secret by --key-file FILE or --key-file - (standard input)": (
        "缺少值；机密内容请用 --key-file 文件 或 --key-file -（标准输入）"
    ),
    "give --public-key and --key-file, or run this on a terminal, which asks for them": (
        "请指定 --public-key 和 --key-file，或在终端上运行，按提示逐项输入"
    ),
    "{path} has several lines; it must have one line with the value alone": (
        "{path} 有多行；文件中应只有一行，内容就是该值"
    ),
    "{path} is too large for a key": "{path} 太大，不是密钥文件",
    "{path} is not UTF-8": "{path} 不是 UTF-8 编码",
    "name of the profile": "profile 名称",
    "provider": "服务商",
    "host and port of the server": "服务端的主机和端口",
    "region": "地域",
    "public key": "公钥",
    "private key (not shown)": "私钥（不显示）",
    # completion
    "Print the script that completes commands in a shell.": "输出 shell 的命令补全脚本。",
    "Put the script where the shell reads it at its start.": "把脚本放到 shell 启动时会读取的地方。",
    "bash, in ~/.bashrc:": "bash，写入 ~/.bashrc：",
    "zsh, into a folder of fpath:": "zsh，放进 fpath 中的某个目录：",
    "fish, permanently:": "fish，永久生效：",
}
