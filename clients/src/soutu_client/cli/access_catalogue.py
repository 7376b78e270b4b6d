"""What the command line says of tokens and encryption, in Chinese and English."""

from __future__ import annotations

__all__ = ["ACCESS"]

ACCESS: dict[str, tuple[str, str]] = {
    "option.token_file": (
        "存有令牌的文件（也可设 SOUTU_TOKEN）；令牌不写在命令行上，以免被 ps 看到",
        "File that holds the token (or set SOUTU_TOKEN); it is never written on the command line, where ps would show it.",
    ),
    "option.authority": (
        "家里的证书 ca.pem；给了就加密连接（也可设 SOUTU_AUTHORITY）",
        "The home's ca.pem; with it the connection is encrypted (or set SOUTU_AUTHORITY).",
    ),
    # tokens
    "tokens.short": ("新建、列出或收回令牌", "Make, list or revoke tokens."),
    "tokens.help": (
        "令牌决定谁能做什么。read 只能搜索和查看，还可以用 --folder 限制在几个文件夹里（给客人用）；write 还能添加、修改和删除；"
        "admin 什么都能做。令牌只在新建时显示一次。",
        "Tokens say who may do what: read searches and looks, and can be confined to folders with --folder (for guests); write"
        " adds, changes and deletes as well; admin does everything. A token is shown once, when it is made.",
    ),
    "tokens.action": ("list 列出，create 新建，revoke 收回；默认 list", "list, create or revoke; default list."),
    "tokens.subject": ("新令牌的名字，或要收回的令牌的编号", "Name of the new token, or id of the one to revoke."),
    "tokens.scope": ("权限：read、write 或 admin，默认 read", "read, write or admin; default read."),
    "tokens.folder": ("只能看这个文件夹；可多次", "May see this folder only, and what is below; repeatable."),
    "tokens.source": ("文件夹所在的来源；不给则任何来源", "Source of the folders; none: any."),
    "tokens.save": ("把令牌写进这个新文件（只有你能读），不显示", "Write the token into this new file, which only you can read."),
    "tokens.made": (
        "令牌“{name}”（编号 {token}）只显示这一次。在客户端设 SOUTU_TOKEN，或写进文件再用 --token-file",
        'The token "{name}" (id {token}) is shown this once. Set SOUTU_TOKEN at the client, or use a file and --token-file',
    ),
    "tokens.saved": ("令牌“{name}”（编号 {token}）已写进 {path}", 'The token "{name}" (id {token}) is in {path}'),
    "tokens.revoked": ("令牌“{name}”（编号 {token}）已收回，立即失效", 'The token "{name}" (id {token}) is revoked, from now on'),
    "tokens.nothing": ("还没有令牌", "There are no tokens"),
    "tokens.everywhere": ("全部照片", "all photos"),
    "tokens.whole_source": ("整个来源", "the whole source"),
    "tokens.valid": ("有效", "valid"),
    "tokens.ended": ("{when} 收回", "revoked {when}"),
    "tokens.never": ("从未", "never"),
    "error.token_name": (
        "给新令牌起个名字，例如：soutu tokens create 奶奶的手机",
        "name the new token, for instance: soutu tokens create TV",
    ),
    "error.token_id": ("要收回哪一个？请给编号（soutu tokens 会列出）", "which one? Give its id (soutu tokens lists them)"),
    "error.which_token": ("有 {n} 个令牌的编号这样开头，请多写几位", "{n} tokens begin so: write more of the id"),
    "error.no_token": ("没有这个令牌：{token}", "there is no such token: {token}"),
    "error.token_options": (
        "--scope、--folder、--source 和 --save 只用于 create",
        "--scope, --folder, --source and --save are for create alone",
    ),
    "column.token": ("编号", "id"),
    "column.scope": ("权限", "scope"),
    "column.sees": ("能看到", "sees"),
    "column.made": ("新建", "made"),
    "column.used": ("最近使用", "last used"),
    "scope.read": ("查看", "read"),
    "scope.write": ("修改", "write"),
    "scope.admin": ("管理", "admin"),
    "scope.unknown": ("未知", "unknown"),
    # doctor
    "doctor.encryption": ("加密", "encryption"),
    "doctor.encrypted": ("TLS，证书可信", "TLS, with a certificate that is trusted"),
    "doctor.same_machine": ("不加密；只在本机，不需要", "none; it stays on this machine and needs none"),
    "doctor.not_encrypted": (
        "没有加密：网络里的人能看到照片。请用 make certificates 生成证书，再设 SOUTU_AUTHORITY",
        "none: whoever is in the network can see the photos. Make certificates (make certificates), then set SOUTU_AUTHORITY",
    ),
    "doctor.token": ("令牌", "token"),
    "doctor.no_token_needed": ("不需要", "none is needed"),
    "doctor.token_ok": ("“{name}”，权限：{scope}；能看到：{sees}", '"{name}", allows: {scope}; sees: {sees}'),
}
