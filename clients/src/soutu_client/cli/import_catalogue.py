"""What ``soutu import`` says, in Chinese and English."""

from __future__ import annotations

__all__ = ["IMPORT"]

IMPORT: dict[str, tuple[str, str]] = {
    "import.short": ("从别的相册搬来：照片、日期、相册和说明", "Move in from another program: photos, dates, albums, captions."),
    "import.help": (
        "从别的相册搬来：Google Takeout 或 iCloud 照片的副本（文件夹，或下载的 zip，不用解压）、苹果“照片”导出的文件夹、"
        "Immich 或 PhotoPrism 的文件夹，或普通文件夹。照片里没有的拍摄时间、地点，以及说明、标签、收藏和相册，"
        "都从它们附带的文件里读来。再运行一次什么也不会重复，你后来改过的不会被改回去；中断了再运行会接着搬。",
        "Move in from another program: a Google Takeout or a copy of iCloud Photos (folders, or the zips as they were"
        " downloaded), an export of Apple Photos, a folder of Immich or PhotoPrism, or a plain folder. Taken times and places"
        " that pictures lack, captions, tags, favourites and albums are read from what lies beside them. Run again, it repeats"
        " nothing, and what you changed since stays; stopped, it goes on.",
    ),
    "import.paths": ("文件夹，或下载的 zip；可以多个", "Folders, or zips as they were downloaded."),
    "import.from": (
        "是哪种相册留下的：{layouts}；默认自动识别",
        "Which program left it: {layouts}; by default it is recognised.",
    ),
    "import.folder_albums": ("普通文件夹：每个文件夹作为一个相册", "Plain folders: make each folder an album."),
    "import.dry_run": ("只说会搬些什么，什么也不做", "Say what would be moved in, and do nothing."),
    "import.layout": ("识别为：{layout}（要改用 --from；这是 {word}）", "This is {layout} ({word}; --from says otherwise)"),
    "import.layout.takeout": ("Google 相册的 Takeout", "a Google Takeout"),
    "import.layout.apple": ("苹果“照片”的导出", "an export of Apple Photos"),
    "import.layout.icloud": ("苹果 iCloud 照片的副本", "a copy of iCloud Photos"),
    "import.layout.immich": ("Immich 的文件夹", "a folder of Immich"),
    "import.layout.photoprism": ("PhotoPrism 的文件夹", "a folder of PhotoPrism"),
    "import.layout.folder": ("普通文件夹", "a plain folder"),
    "import.files": ("照片文件：{n} 个（{size} MB）", "photo files: {n} ({size} MB)"),
    "import.albums": ("相册：{n} 个（{albums}）", "albums: {n} ({albums})"),
    "import.dated": ("附带文件里有拍摄时间：{n} 个", "taken time told beside them: {n}"),
    "import.captioned": ("有说明：{n} 个", "with a caption: {n}"),
    "import.favourites": ("收藏：{n} 个", "favourites: {n}"),
    "import.without_sidecar": ("没有附带文件：{n} 个", "with nothing told beside them: {n}"),
    "import.duplicates": (
        "内容与另一个相同：{n} 个，只存一份，两个名字都能搜到",
        "the same content as another: {n}; kept once, found by both names",
    ),
    "import.trashed": ("在原来相册的回收站里：{n} 个，没有搬", "in the other program's trash, left out: {n}"),
    "import.told": (
        "{n} 张照片带上了原来的日期、地点、说明、标签或相册",
        "{n} photo took its date, place, caption, tags or albums along"
        "|{n} photos took their dates, places, captions, tags or albums along",
    ),
    "import.problems": ("没能读懂的附带文件", "What could not be read beside photos"),
    "import.problem_count": ("{n} 个附带文件或相册没有读成；照片不受影响", "{n} told nothing; their photos are not affected"),
    "import.nothing_done": ("以上是预览，什么也没有做；去掉 --dry-run 就开始搬", "Nothing was done; without --dry-run it is"),
}
