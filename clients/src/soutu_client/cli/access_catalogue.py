"""What the command line says of tokens and encryption, in Chinese and English."""

from __future__ import annotations

__all__ = ["ACCESS"]

ACCESS: dict[str, tuple[str, str]] = {
    "option.token_file": (
        "存有令牌的文件，- 为标准输入（也可设 SOUTU_TOKEN）；令牌不写在命令行上，以免被 ps 看到",
        "File that holds the token, - for standard input (or set SOUTU_TOKEN); never the token itself, which ps would show.",
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
    # login, logout
    "login.short": ("登录：记住地址、令牌和证书", "Log in: keep address, token and certificate."),
    "login.help": (
        "登录一个图库，以后不用再写地址、令牌和证书：soutu login nas.local:8401 --ca ca.pem。令牌会隐藏着询问"
        "（或用 --token-file），先验证，再存进只有你能读的文件。"
        "选项和环境变量优先；令牌只会发往登录的这个地址。不给地址时，显示现在用的是哪里。",
        "Log in to a library, so that address, token and certificate need not be given again: soutu login nas.local:8401 --ca"
        " ca.pem. The token is asked for, hidden (or use --token-file), tried, and kept in a file that only you can read. Options"
        " and environment variables win; the token is sent to this address alone. Without an address: say where you are.",
    ),
    "login.address": ("搜索服务的地址", "Address of the search service."),
    "login.ask": ("{address} 的令牌（不会显示）", "Token for {address} (it is not shown)"),
    "login.no_token": (
        "没有给出令牌：请在询问时粘贴，或用 --token-file 文件（- 为标准输入）",
        "no token was given: paste it when asked, or use --token-file FILE (- for standard input)",
    ),
    "login.done": ("已登录 {address}，{access}。记在 {path}", "Logged in to {address}; {access}. Kept in {path}"),
    "login.where": ("{address}（{origin}），{access}", "{address} ({origin}); {access}"),
    "login.token": ("令牌{token}", "token {token}"),
    "login.open": ("不需要令牌", "no token is needed"),
    "login.from_environment": ("来自 SOUTU_ADDRESS", "from SOUTU_ADDRESS"),
    "login.from_file": ("来自 soutu login", "from soutu login"),
    "login.from_default": ("默认，没有登录", "the default; not logged in"),
    "logout.short": ("退出登录：删除记住的地址、令牌和证书", "Log out: remove the address, token and certificate that are kept."),
    "logout.done": ("已退出登录 {address}，令牌已从本机删除", "Logged out of {address}; its token is removed from this machine"),
    "logout.nothing": ("没有登录过", "You were not logged in"),
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
