"""What ``--help`` says, in Chinese and English."""

from __future__ import annotations

__all__ = ["HELP"]

HELP: dict[str, tuple[str, str]] = {
    # The frame of every help page
    "help.usage": ("用法", "Usage"),
    "help.command": ("命令", "COMMAND"),
    "help.commands": ("命令", "Commands"),
    "help.arguments": ("参数", "Arguments"),
    "help.options": ("选项", "Options"),
    "help.filters": ("筛选", "Filters"),
    "help.connection": ("连接", "Connection"),
    "help.exit_codes": ("退出码", "Exit codes"),
    "help.help": ("显示这份帮助", "Show this help."),
    "help.version": ("显示版本", "Show the version."),
    "help.more": (
        "“soutu 命令 --help” 说明每个命令；在终端里只写 soutu，就开始搜索",
        '"soutu COMMAND --help" explains each command; soutu alone, at a terminal, begins to search.',
    ),
    "help.soutu": (
        "搜图：说出你记得的，或给一张图，从全家的照片里找到它",
        "Find a photo among all the family's by what you remember of it, or by a picture.",
    ),
    "help.environment": (
        "环境变量：SOUTU_ADDRESS 搜索服务的地址，SOUTU_TOKEN 令牌，SOUTU_AUTHORITY 家里的 ca.pem，"
        "SOUTU_LANGUAGE 语言（zh 或 en），SOUTU_GRAPHICS 终端怎样显示图片（kitty、sixel 或 none）",
        "Environment: SOUTU_ADDRESS, address of the search service; SOUTU_TOKEN, token; SOUTU_AUTHORITY, the home's ca.pem;"
        " SOUTU_LANGUAGE, language (zh or en); SOUTU_GRAPHICS, how the terminal shows pictures (kitty, sixel or none).",
    ),
    "exit.ok": ("成功", "It worked."),
    "exit.error": ("出错", "It did not work."),
    "exit.usage": ("命令写得不对", "The command line is wrong."),
    "exit.nothing_found": ("什么也没找到", "Nothing was found."),
    "exit.unreachable": (
        "连不上搜索服务，或它需要的服务",
        "The search service, or what it needs, cannot be reached.",
    ),
    "exit.some_failed": ("一部分没有成功", "Some of it did not work."),
    "exit.interrupted": ("被 Ctrl-C 中断", "Stopped by Ctrl-C."),
    # Options of many commands
    "option.address": ("搜索服务的地址，默认 127.0.0.1:8401", "Address of the search service; default 127.0.0.1:8401."),
    "option.language": ("语言：zh 中文，en 英文", "Language: zh or en."),
    "option.timeout": ("每次调用最多等多少秒，默认 30", "Seconds that a call may take; default 30."),
    "option.json": ("输出 JSON，供程序读取", "Print JSON, for programs."),
    "option.limit": ("最多显示多少个，默认 {default}", "Show at most so many; default {default}."),
    "option.no_wait": ("不等处理完就返回", "Do not wait until it is done."),
    "option.yes": ("不再询问", "Do not ask."),
    "argument.photo_ids": ("照片编号，或它的前几位（至少 6 位）", "Photo ids, or their first digits (at least 6)."),
    "argument.photo_id": ("照片编号，或它的前几位（至少 6 位）", "A photo id, or its first digits (at least 6)."),
    # Filters
    "filter.from": ("从这一天起拍的：2019、2019-05 或 2019-05-01", "Taken from then on: 2019, 2019-05 or 2019-05-01."),
    "filter.until": ("到这一天为止拍的（包含）", "Taken until then, inclusive."),
    "filter.folder": ("在这个文件夹里；可多次", "In this folder or below; repeatable."),
    "filter.source": ("在这个来源里；可多次", "In this source; repeatable."),
    "filter.camera": ("用这台相机拍的，写一部分即可；可多次", "Taken with this camera, any part of its name; repeatable."),
    "filter.format": ("这种格式，例如 heic；可多次", "Of this format, for instance heic; repeatable."),
    "filter.kind": ("静态照片（still）、动图（animation）或视频（video）", "still, animation or video."),
    "filter.tag": ("有这个标签；可多次，须全部符合", "Has this tag; repeatable, all must hold."),
    "filter.favourite": ("只要（或不要）收藏的", "Favourites only, or the others only."),
    "filter.album": ("在这个相册里；可多次", "In this album; repeatable."),
    "filter.area": ("在这个范围内拍的：南,西,北,东（度）", "Taken in this area: south,west,north,east in degrees."),
    # add
    "add.short": ("添加照片或整个文件夹", "Add photos or whole folders."),
    "add.help": (
        "添加照片或整个文件夹（包括子文件夹）。已在库中的内容不会重复上传；中断后再运行一次即可接着添加。",
        "Add photos or whole folders, with what is below them. What the library has is not sent again; after an interruption, the"
        " same command goes on.",
    ),
    "add.paths": ("照片文件或文件夹", "Files and folders."),
    # search
    "search.short": ("用一句话、一张图或两者一起找照片", "Find photos by words, a picture, or both."),
    "search.help": (
        "用一句话、一张图或两者一起找照片，最像的排在最前。只给筛选条件时，按时间从新到旧列出。",
        "Find photos by words, a picture, or both; the best come first. With filters alone: those that pass, newest first.",
    ),
    "search.words": ("要找的内容，例如：雪地里的狗", "What to look for, for instance: a dog in the snow."),
    "search.image": ("同时像这张图；可多次", "Looks like this picture; repeatable."),
    "search.like": ("同时像库里的这张照片；可多次", "Looks like this photo of the library; repeatable."),
    "search.not": ("不要这样的；可多次", "Not like this; repeatable."),
    "search.min_score": ("相似度至少多少（-1 到 1）", "Smallest similarity, -1 to 1."),
    "search.open": ("把找到的照片拼成一张图并打开", "Open a contact sheet of what was found."),
    "search.sheet": ("把找到的照片拼成一张图，存为这个文件", "Write a contact sheet of what was found to this file."),
    "search.save": ("把找到的原图存进这个文件夹，不覆盖已有文件", "Save the originals into this folder, over no other file."),
    # similar
    "similar.short": ("找和一张图相似的照片", "Find photos that look like a picture."),
    "similar.help": (
        "找和一张图相似的照片：给一个图片文件，或库里照片的编号。",
        "Find photos that look like a picture: a file, or the id of a photo of the library.",
    ),
    "similar.like": ("图片文件，或照片编号", "A picture file, or a photo id."),
    # show, list
    "show.short": ("显示一张照片的全部信息", "Show all that is known of a photo."),
    "show.save": ("把原图存进这个文件夹", "Save the original into this folder."),
    "list.short": ("列出照片，从新到旧", "List photos, newest first."),
    "list.state": ("状态：ready、pending 或 unreadable；可多次", "State: ready, pending or unreadable; repeatable."),
    "list.deleted": ("列出已删除的", "List deleted photos."),
    # annotate
    "annotate.short": (
        "收藏，写说明，加标签和相册，更正拍摄时间",
        "Set favourite, caption, tags, albums and the time it was taken.",
    ),
    "annotate.favourite": ("收藏，或取消收藏", "Make it a favourite, or not."),
    "annotate.caption": ("说明文字；空的则去掉", "The caption; empty removes it."),
    "annotate.tag": ("加标签；可多次", "Add a tag; repeatable."),
    "annotate.untag": ("去掉标签；可多次", "Remove a tag; repeatable."),
    "annotate.album": ("放进相册；可多次", "Put it in an album; repeatable."),
    "annotate.leave_album": ("从相册取出；可多次", "Take it out of an album; repeatable."),
    "annotate.taken": (
        "更正拍摄时间：2019-05-01 或 2019-05-01T12:30，比照片里写的优先；空的则撤销",
        "When it was taken, whatever the picture says: 2019-05-01 or 2019-05-01T12:30; empty takes that back.",
    ),
    # delete, undelete
    "delete.short": ("删除照片（可以恢复）", "Delete photos; they can be brought back."),
    "delete.help": (
        "删除照片：移到回收处，可以用 undelete 恢复。只读来源里的文件不会被动，只是不再出现。",
        "Delete photos: they move to the recycle place, from where undelete brings them back. Files of read-only sources stay"
        " where they are and are only hidden.",
    ),
    "delete.undo": ("恢复，与 undelete 相同", "Bring them back, as undelete does."),
    "delete.purge": (
        "彻底清除已删除的照片，不可恢复；不给编号则清除全部已删除的",
        "Remove deleted photos for good; without ids, all that are deleted.",
    ),
    "undelete.short": ("恢复已删除的照片", "Bring deleted photos back."),
    # sync, jobs
    "sync.short": ("读取各个来源里新增和改动的照片", "Read what is new or changed in the sources."),
    "sync.confirm_gone": (
        "现在缺少的大量文件确实是删除了（只对这一次缺少的有效）",
        "The many files that are missing now really were removed; counts for these alone.",
    ),
    "sync.sources": ("来源的名字；不给则全部", "Names of sources; none: all."),
    "reindex.short": ("换用另一个模型，其间搜索照常；也可换回", "Take another model over while the old one serves."),
    "reindex.help": (
        "换用另一个模型：用新模型把所有照片重新处理一遍，其间搜索照常使用旧模型，全部完成后一次切换。旧的向量会留着，随时可以换回。"
        "暂停、继续和取消用 soutu jobs。",
        "Take another model over: every photo is embedded with it while searches go on with the old one; when all are, one"
        " switch. The old embeddings are kept, so that you can go back at any time. soutu jobs pauses, resumes and cancels it.",
    ),
    "reindex.model": (
        "模型名或向量空间编号（soutu status 可查）；不给则是向量服务提供的第一个新模型",
        "Name of a model, or a space's id (see soutu status); none: the first new one that the embedding service offers.",
    ),
    "reindex.back": ("立刻换回之前的模型", "Go back to the model that served before, at once."),
    "reindex.forget": ("删除这个不再使用的模型的向量", "Remove the embeddings of a model that is not used any more."),
    "check.short": (
        "检查目录、索引、存储和缩略图是否相符",
        "Check that catalog, index, store and thumbnails agree.",
    ),
    "check.repair": ("修好能修的；从不删除原图", "Mend what can be mended; no original is ever removed."),
    "check.contents": (
        "还要读出每个文件，核对内容是否变坏（要读完整个存储）",
        "Read every file as well and compare its digest, which reads the whole store.",
    ),
    "jobs.short": ("列出、暂停、继续或取消任务", "List, pause, resume or cancel jobs."),
    "jobs.action": (
        "list 列出，pause 暂停，resume 继续，cancel 取消；默认 list",
        "list, pause, resume or cancel; default list.",
    ),
    "jobs.job_id": (
        "任务编号；只有一个任务在进行时可以不给",
        "The job's id; not needed while there is only one.",
    ),
    # backup, restore
    "backup.short": ("把图库目录备份到一个文件", "Save the catalog into a file."),
    "backup.help": (
        "把图库目录（名称、标签、说明、向量、访问令牌的摘要）备份到一个文件，服务不用停。照片本身不在里面，请另外备份照片存储。",
        "Save the catalog (names, tags, captions, vectors, digests of access tokens) into a file while the service goes on. The"
        " photos themselves are not in it: back the photo store up beside it.",
    ),
    "backup.file": ("要写的文件", "The file to write."),
    "backup.force": ("文件已存在时覆盖它", "Replace the file if it is there."),
    "restore.short": ("用备份代替现在的图库目录", "Put a backup in the catalog's place."),
    "restore.help": (
        "用备份代替现在的图库目录；现在的会另存一份，搜索服务会重新启动，然后和照片存储核对：备份之后加入的照片会再次找到。",
        "Put a backup in the catalog's place. The present one is kept aside, the service starts again and compares it with the"
        " photo store: photos that were added since are found again.",
    ),
    "restore.file": ("备份文件", "The backup."),
    "restore.no_wait": ("不等服务重新启动", "Do not wait until the service has started again."),
    # status, duplicates, doctor
    "status.short": ("显示照片库的情况", "Show how the library is."),
    "duplicates.short": ("列出几乎相同的照片", "List photos that are nearly the same."),
    "duplicates.max_distance": (
        "感知哈希最多差几位（0 到 16），默认 6",
        "Bits by which perceptual hashes may differ, 0 to 16; default 6.",
    ),
    "duplicates.min_cosine": ("相似度至少多少，默认 0.9", "Smallest similarity; default 0.9."),
    "completion.short": ("打印 bash、zsh 或 fish 的补全脚本", "Print the completion script for bash, zsh or fish."),
    "completion.help": (
        "打印补全脚本：按 Tab 补全命令、选项和它们的值。脚本末尾写着该存到哪里。",
        "Print a script that completes commands, options and their values at Tab. Its last lines say where to put it.",
    ),
    "completion.shell": ("bash、zsh 或 fish；默认你正在用的", "bash, zsh or fish; default: yours."),
    "doctor.short": ("检查每一处连接，并说明该怎么办", "Check every connection and say what to do."),
}
