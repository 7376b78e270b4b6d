"""What the operating system says about files, for people."""

from __future__ import annotations

import errno

from soutu_client._language import Language, Text

__all__ = ["describe_os_error"]

_TEXTS: dict[int, Text] = {
    errno.ENOENT: Text(zh="文件不存在，或在读取前被移走了", en="the file does not exist, or was moved before it was read"),
    errno.ENOTDIR: Text(zh="路径中有一部分不是文件夹", en="a part of the path is not a folder"),
    errno.EISDIR: Text(zh="这是一个文件夹，不是文件", en="this is a folder, not a file"),
    errno.EACCES: Text(zh="没有权限：请检查文件的权限设置", en="no permission: check who may read and write it"),
    errno.EPERM: Text(zh="系统不允许这个操作", en="the system does not allow this"),
    errno.EIO: Text(zh="读写出错：磁盘可能有故障", en="reading or writing failed: the disk may be faulty"),
    errno.ENOSPC: Text(zh="磁盘空间不足", en="the disk is full"),
    errno.EROFS: Text(zh="这个位置只能读，不能写", en="this place can only be read"),
    errno.ELOOP: Text(zh="链接指向了自己", en="a link points to itself"),
    errno.ENAMETOOLONG: Text(zh="文件名太长", en="the name is too long"),
    errno.EBADMSG: Text(zh="压缩包损坏或加了密：请重新下载", en="the archive is damaged or encrypted: download it again"),
    errno.ESTALE: Text(zh="网络磁盘已断开：请重新连接后再试", en="the network disk is gone: connect it again"),
}

_OTHER = Text(zh="系统报告：{what}", en="the system says: {what}")


def describe_os_error(error: OSError, language: Language) -> str:
    """Return one line that says what is wrong with a file, without its path."""
    text = _TEXTS.get(error.errno or 0)
    return text.to(language) if text else _OTHER.to(language).format(what=error.strerror or type(error).__name__)
