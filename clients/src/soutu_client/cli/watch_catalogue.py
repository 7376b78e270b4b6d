"""What ``soutu watch`` says, in Chinese and English."""

from __future__ import annotations

__all__ = ["WATCH"]

WATCH: dict[str, tuple[str, str]] = {
    "watch.short": ("跟随文件夹：添加已有的和新来的照片", "Follow folders: add what is there and what arrives."),
    "watch.help": (
        "跟随文件夹：先添加里面已有的照片，然后添加新来的，直到 Ctrl-C。文件写完才添加；服务或磁盘不在时等它回来；从不删除。"
        "网络文件夹里的变化系统不会通知，就每隔一会儿看一遍。",
        "Follow folders: add the photos that are there, then those that arrive, until Ctrl-C. A file is added once nobody writes"
        " to it; a service or a disk that is away is waited for; nothing is ever deleted. The system does not tell of changes in"
        " network folders: these are looked through from time to time.",
    ),
    "watch.folders": ("要跟随的文件夹", "Folders to follow."),
    "watch.settle": (
        "文件多少秒不再变化才算写完，默认 {default}；系统看不出有没有人在写的（别的用户的文件、网络磁盘）至少 {untold}",
        "Seconds that a file must stay the same to count as whole; default {default}, and at least {untold} where the system does"
        " not tell who writes (another user's files, network disks).",
    ),
    "watch.poll": ("不靠系统通知，每隔这么多秒看一遍", "Look through the folders so often, rather than being told of changes."),
    "watch.no_folder": ("不是文件夹：{path}", "this is no folder: {path}"),
    "watch.watching": ("正在跟随 {path}，按 Ctrl-C 结束", "Following {path}; Ctrl-C ends it"),
    "watch.polling": (
        "系统不会通知 {path} 里的变化，改为每隔一会儿看一遍",
        "{path}: looked through from time to time, since the system does not tell of changes there",
    ),
    "watch.polling_because": (
        "系统不能再多跟随文件夹（{why}），改为每隔一会儿看一遍 {path}",
        "{path}: looked through from time to time, since the system can follow no more folders ({why})",
    ),
    "watch.gone": ("{path} 不在了（磁盘没有挂载？），等它回来", "{path} is away (a disk that is not mounted?); waiting for it"),
    "watch.back": ("{path} 回来了，继续", "{path} is back; going on"),
    "watch.unreadable": ("读不了 {path}：{why}", "cannot look into {path}: {why}"),
    "watch.waiting": ("等待中：{why}", "waiting: {why}"),
    "watch.resumed": ("服务恢复了，继续", "the service is back; going on"),
    "watch.added": ("已添加 {name}（{photo}）", "added {name} ({photo})"),
    "watch.known": ("已在库中 {name}（{photo}）", "there already {name} ({photo})"),
    "watch.deleted": (
        "曾被删除，没有添加 {name}；要恢复请运行 soutu undelete {photo}",
        "deleted before, not added {name}; soutu undelete {photo} brings it back",
    ),
    "watch.failed": ("没能添加 {path}：{why}", "could not add {path}: {why}"),
    "watch.not_readable": ("不是能读的照片 {name}：{why}", "no photo that can be read {name}: {why}"),
    "watch.many": ("已添加 {added}，已在库中 {known}", "{added} added, {known} there already"),
    "watch.stopped": (
        "已结束：添加了 {added} 张，已在库中 {known} 个，失败 {failed} 个，无法读取 {unreadable} 张",
        "Ended: {added} added, {known} there already, {failed} failed, {unreadable} unreadable",
    ),
}
