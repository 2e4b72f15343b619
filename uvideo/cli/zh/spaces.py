"""What mb, rb and spaces say, and questions."""

WORDS = {
    "Make spaces.": "新建空间。",
    "A private space:": "一个私有空间：",
    "Two that anybody may read:": "两个任何人都可以读的空间：",
    "Who may read what is in it.": "谁可以读取其中的对象。",
    "Where it lies, instead of the provider's usual region.": "所在地域，不用服务商的默认地域时给出。",
    "Remove spaces.": "删除空间。",
    "A space that holds objects is not removed, unless --force removes them too: that is asked about on a terminal, "
    "and needs --yes elsewhere.": (
        "里面还有对象的空间不会被删除，除非用 --force 连对象一起删。\n在终端上会先询问，其他情况下必须给出 --yes。"
    ),
    "An empty space:": "一个空的空间：",
    "What would be lost with a space:": "看看删除空间会失去什么：",
    "A space and all that is in it, without asking:": "连同全部内容删除空间，不再询问：",
    "Remove all objects and unfinished uploads of the space first.": "先删除空间里的所有对象和未完成的上传。",
    "Do not ask.": "不再询问。",
    "made uvideo://{space}": "已新建 uvideo://{space}",
    "removed uvideo://{space}": "已删除 uvideo://{space}",
    "changed uvideo://{space}": "已修改 uvideo://{space}",
    "would be done: {text}": "将会执行：{text}",
    "remove uvideo://{space} and the {count} objects in it?": "删除 uvideo://{space} 及其中的 {count} 个对象？",
    "some objects could not be removed, so the space stays": "有对象未能删除，因此保留该空间",
    "List spaces, or change who may read them.": "列出空间，或修改谁可以读取。",
    "Without a verb it lists them.": "不带子命令时列出空间。",
    "All spaces of this key pair:": "当前密钥下的所有空间：",
    "Their names only, for a script:": "只要名称，供脚本使用：",
    "Let anybody read what is in one:": "允许任何人读取某个空间：",
    "List the spaces of this key pair.": "列出当前密钥下的空间。",
    "As the short form does:": "与简写形式相同：",
    "Make spaces public or private, or change their storage class.": "把空间设为公开或私有，或修改存储类型。",
    "Nobody but you reads it any more:": "从此只有您自己能读取：",
    "What is stored from now on is seldom read:": "今后存入的对象很少读取：",
    "Class of what is stored in it from now on.": "今后存入的对象的存储类型。",
    "give --type or --class: what is to change": "请用 --type 或 --class 说明要修改什么",
    "{question} Nobody can be asked here: give --yes": "{question}当前无法询问，请加上 --yes",
    "nothing was changed": "未做任何改动",
}
