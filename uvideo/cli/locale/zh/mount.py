"""Texts of mount."""

WORDS = {
    "Show the objects of a space as a read-only local folder.": "把空间中的对象显示为只读的本地目录。",
    "DIR is an empty folder. It shows the objects below ADDRESS until Ctrl-C, SIGTERM or `fusermount -u DIR`; nothing "
    "in it can be changed. Listings are kept for 5 s. A program that reads parts of a file gets only these from the "
    "service. Needs fusepy, fsspec and FUSE.": (
        "DIR 是一个空目录。在按 Ctrl-C、收到 SIGTERM 或执行 `fusermount -u DIR` 之前，\n"
        "其中显示 ADDRESS 下的对象，不能修改。\n"
        "列表缓存 5 秒。程序读取文件的一部分时，只从服务端获取这一部分。需要 fusepy、fsspec 和 FUSE。"
    ),
    "How it is used:": "用法：",
    "{path} is not a folder: make an empty one to mount in": "{path} 不是目录：请先创建一个空目录作为挂载点",
    "{path} is not empty: make an empty folder to mount in": "{path} 不是空目录：请创建一个空目录作为挂载点",
    "uvideo mount needs FUSE: pip install 'uvideo[mount]', and on Debian apt-get install libfuse2 fuse": (
        "uvideo mount 需要 FUSE：执行 pip install 'uvideo[mount]'，在 Debian 上还要 apt-get install libfuse2 fuse"
    ),
    "{address} is mounted at {path}; Ctrl-C unmounts it": "{address} 已挂载到 {path}；按 Ctrl-C 卸载",
}
