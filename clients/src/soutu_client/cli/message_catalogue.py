"""What the commands say, in Chinese and English. In texts that count, ``|`` parts the English forms for one and for more."""

from __future__ import annotations

__all__ = ["MESSAGES"]

MESSAGES: dict[str, tuple[str, str]] = {
    # Errors
    "error.line": ("错误：{message}", "Error: {message}"),
    "error.internal": (
        "程序内部出错（{kind}）。用 SOUTU_DEBUG=1 再运行一次可以看到详情，请附上它报告问题",
        "internal error ({kind}). Run again with SOUTU_DEBUG=1 for details and report them",
    ),
    "error.try_help": ("试试“{command} --help”", 'Try "{command} --help"'),
    "error.no_such_option": ("没有选项 {option}", "no such option: {option}"),
    "error.perhaps": ("{message}。是不是想写 {guesses}？", "{message}. Did you mean {guesses}?"),
    "error.no_such_command": ("没有命令 {command}", "no such command: {command}"),
    "error.missing": ("缺少 {parameter}", "{parameter} is missing"),
    "error.needs_value": ("选项 {option} 后面要有一个值", "option {option} needs a value"),
    "error.bad_value": ("{parameter} 的值不对：{message}", "bad value for {parameter}: {message}"),
    "error.not_a_number": ("应为数字", "it must be a number"),
    "error.out_of_range": ("超出允许的范围", "it is out of range"),
    "error.not_a_choice": ("应为其中之一：{choices}", "it must be one of {choices}"),
    "error.bad_area": (
        "应写成 南,西,北,东 四个数字，例如 39.8,116.2,40.1,116.6",
        "write south,west,north,east, for instance 39.8,116.2,40.1,116.6",
    ),
    "error.usage": ("命令写得不对：{message}", "the command line is wrong: {message}"),
    "error.no_such_file": ("没有这个文件或文件夹：{path}", "no such file or folder: {path}"),
    "error.not_text": ("这里有无法识别的字符，请改正：{text}", "this holds characters that are no text; correct it: {text}"),
    "error.file": ("{path}：{message}", "{path}: {message}"),
    "error.empty_search": (
        "要找什么？请给一句话、--image、--like 或筛选条件",
        "what shall be found? Give words, --image, --like or a filter",
    ),
    "error.only_not": ("只有 --not 无法搜索：还要说出想找什么", "--not alone finds nothing: say what you look for as well"),
    "error.nothing_to_change": (
        "要改什么？请给 --favourite、--caption、--tag 或 --album 等选项",
        "what shall be changed? Give --favourite, --caption, --tag, --album or the like",
    ),
    "error.no_ids": ("请给出照片编号", "give the ids of photos"),
    "error.undo_and_purge": ("--undo 和 --purge 不能一起用", "--undo and --purge exclude each other"),
    "error.which_job": ("现在有 {n} 个任务，请给出任务编号", "there are {n} jobs now: give the id of one"),
    "error.interrupted": ("已中断", "stopped"),
    # add
    "add.looking": ("正在查找照片", "Looking for photos"),
    "add.adding": ("正在添加", "Adding"),
    "add.waiting": ("等待中：{why}", "waiting: {why}"),
    "add.processing": ("正在处理，完成后即可搜索", "Processing until searchable"),
    "add.rate": ("{rate:.0f} 张/秒", "{rate:.0f} photos/s"),
    "add.left": ("剩余 {time}", "{time} left"),
    "add.no_photos": ("没有找到可以添加的照片", "there are no photos to add"),
    "add.done": (
        "新添加 {n} 张，用时 {seconds} 秒（{rate} 张/秒）",
        "{n} new photo added in {seconds} s ({rate}/s)|{n} new photos added in {seconds} s ({rate}/s)",
    ),
    "add.ready": ("可以搜索：{n} 张，处理用时 {seconds} 秒", "searchable: {n}, processed in {seconds} s"),
    "add.unreadable": ("无法读取：{n} 张", "unreadable: {n}"),
    "add.pending": ("仍在处理：{n} 张，完成后即可搜索", "still being processed: {n}; they are searchable when that is done"),
    "add.known": (
        "已在库中：{n} 个文件，没有重复上传",
        "already there: {n} file, not sent again|already there: {n} files, not sent again",
    ),
    "add.deleted": (
        "曾被删除：{n} 个文件，没有添加；要恢复请运行 soutu undelete {example}",
        "deleted before: {n} file, not added; soutu undelete {example} brings it back"
        "|deleted before: {n} files, not added; soutu undelete {example} … brings them back",
    ),
    "add.ignored": (
        "忽略：{n} 个不是照片的文件（{kinds}）",
        "ignored: {n} file that is no photo ({kinds})|ignored: {n} files that are no photos ({kinds})",
    ),
    "add.failed": ("失败：{n} 个文件", "failed: {n} file|failed: {n} files"),
    "add.not_tried": (
        "还有 {n} 个文件没有处理：{why}。恢复后再运行同一命令即可接着添加",
        "{n} file is left: {why}. Run the same command again when that is settled"
        "|{n} files are left: {why}. Run the same command again when that is settled",
    ),
    "add.interrupted": (
        "已中断。传完的照片已安全保存；再运行同一命令会接着添加",
        "stopped. What was sent is safe; the same command goes on from there",
    ),
    "add.wait_interrupted": (
        "不再等待。照片已安全保存，处理会在后台继续；用 soutu status 查看",
        "waiting no more. The photos are safe and are being processed; soutu status shows how far it is",
    ),
    # Tables
    "column.rank": ("名次", "#"),
    "column.cosine": ("相似度", "cosine"),
    "column.name": ("名称", "name"),
    "column.date": ("日期", "date"),
    "column.why": ("为什么", "why"),
    "column.photo_id": ("编号", "photo id"),
    "column.state": ("状态", "state"),
    "column.pixels": ("尺寸", "pixels"),
    "column.size": ("大小", "size"),
    "column.format": ("格式", "format"),
    "column.reason": ("原因", "reason"),
    "column.job": ("任务", "job"),
    "column.progress": ("进度", "progress"),
    "column.started": ("开始", "started"),
    "column.message": ("说明", "message"),
    "title.unreadable": ("无法读取的文件", "Files that cannot be read"),
    "title.failed": ("没有添加成功的文件", "Files that were not added"),
    "title.ready": ("可以搜索的照片", "Searchable photos"),
    "state.ready": ("可搜索", "READY"),
    "state.pending": ("待处理", "PENDING"),
    "state.unreadable": ("无法读取", "UNREADABLE"),
    "state.deleted": ("已删除", "DELETED"),
    "state.unknown": ("未知", "unknown"),
    "match.looks": ("画面相似", "looks like it"),
    "match.frame": ("在 {time}", "at {time}"),
    "match.name": ("名称：{text}", "name: {text}"),
    "match.tag": ("标签：{text}", "tag: {text}"),
    "match.caption": ("说明：{text}", "caption: {text}"),
    "match.album": ("相册：{text}", "album: {text}"),
    "match.unknown": ("文字：{text}", "text: {text}"),
    # search
    "search.nothing": ("没有找到。换个说法，或放宽筛选条件试试", "Nothing found. Try other words or fewer filters"),
    "search.saved": (
        "已把 {n} 张原图存进 {folder}",
        "{n} original saved in {folder}|{n} originals saved in {folder}",
    ),
    "search.not_saved": ("没能保存 {name}：{message}", "could not save {name}: {message}"),
    "sheet.cut": ("拼图上只有前 {n} 张，共找到 {total} 张", "The contact sheet shows the first {n} of {total} photos"),
    "sheet.written": ("拼图已存为 {path}", "Contact sheet: {path}"),
    "sheet.no_viewer": ("没有可用的看图程序；拼图在 {path}", "There is no program to show it; the contact sheet is {path}"),
    # show
    "show.photo_id": ("编号", "photo id"),
    "show.state": ("状态", "state"),
    "show.names": ("名称", "names"),
    "show.former": ("（以前的名称）", "(a former name)"),
    "show.pixels": ("尺寸", "pixels"),
    "show.size": ("大小", "size"),
    "show.taken": ("拍摄时间", "taken"),
    "show.taken_exif": ("相机记录", "from the camera"),
    "show.taken_name": ("取自文件名", "from the name"),
    "show.taken_modified": ("文件修改时间", "the file's modification time"),
    "show.taken_person": ("有人更正", "corrected by hand"),
    "show.taken_told": ("来自以前的相册", "from the album program before"),
    "show.taken_unknown": ("来源未知", "from an unknown place"),
    "show.duration": ("时长", "length"),
    "show.parts": ("还有", "also"),
    "show.camera": ("相机", "camera"),
    "show.location": ("地点", "place"),
    "show.favourite": ("收藏", "favourite"),
    "show.yes": ("是", "yes"),
    "show.no": ("否", "no"),
    "show.caption": ("说明", "caption"),
    "show.tags": ("标签", "tags"),
    "show.albums": ("相册", "albums"),
    "show.added": ("添加于", "added"),
    "show.deleted": ("删除于", "deleted"),
    "show.saved": ("原图已存为 {path}", "Original saved as {path}"),
    # list
    "list.total": ("共 {n} 张，显示前 {shown} 张", "{n} photo, {shown} shown|{n} photos, the first {shown} shown"),
    "list.nothing": ("没有符合条件的照片", "There are no such photos"),
    # annotate, delete
    "annotate.done": ("已修改 {n} 张照片", "{n} photo changed|{n} photos changed"),
    "delete.ask": (
        "删除这 {n} 张照片？（可以恢复）",
        "Delete this photo? It can be brought back.|Delete these {n} photos? They can be brought back.",
    ),
    "delete.done": (
        "已删除 {n} 张。要恢复请运行 soutu undelete {example}",
        "{n} photo deleted. soutu undelete {example} brings it back"
        "|{n} photos deleted. soutu undelete {example} brings them back",
    ),
    "delete.purge_ask": (
        "彻底清除 {n} 张已删除的照片？此后无法恢复",
        "Remove {n} deleted photo for good? It cannot be brought back."
        "|Remove {n} deleted photos for good? They cannot be brought back.",
    ),
    "delete.purge_done": ("已彻底清除 {n} 张", "{n} photo removed for good|{n} photos removed for good"),
    "delete.nothing": ("没有可以处理的照片", "There is nothing to do"),
    "ask.kept": ("没有改动", "Nothing was changed"),
    "ask.cannot": ("无法在这里询问：确定的话请加 --yes", "cannot ask here: add --yes if you are sure"),
    "undelete.done": ("已恢复 {n} 张", "{n} photo brought back|{n} photos brought back"),
    "ask.choices": ("{question} [y/N] ", "{question} [y/N] "),
    # sync, jobs
    "sync.running": ("正在读取来源", "Reading the sources"),
    "sync.seen": ("已查看 {n} 个文件", "{n} file seen|{n} files seen"),
    "sync.started": ("已开始，任务 {job}；用 soutu jobs 查看", "Started as job {job}; soutu jobs shows how far it is"),
    "sync.done": (
        "读取完成：查看了 {objects} 个文件，处理了 {photos} 张照片，其中 {unreadable} 张无法读取",
        "Done: {objects} files seen, {photos} photos processed, {unreadable} of them unreadable",
    ),
    "sync.ended": ("任务结束：{state} {message}", "The job ended: {state} {message}"),
    "sync.paused": ("任务已暂停；用 soutu jobs resume {job} 继续", "The job is paused; soutu jobs resume {job} goes on"),
    "sync.interrupted": (
        "不再等待。任务 {job} 仍在后台进行；用 soutu jobs 查看，soutu jobs cancel {job} 取消",
        "waiting no more. Job {job} goes on; soutu jobs shows it, soutu jobs cancel {job} ends it",
    ),
    "reindex.running": ("正在用新模型处理照片", "Embedding photos with the new model"),
    "reindex.done": ("完成：处理了 {photos} 张照片。{message}", "Done: {photos} photos embedded; {message}"),
    "reindex.went_back": ("已换回模型 {model}（{photos} 张照片）", "The model {model} serves again ({photos} photos)"),
    "reindex.waiting": (
        "之后添加的 {n} 张照片正在补上，其间可按文件名和日期找到",
        "{n} photo added since is being caught up, and is found by name and date meanwhile"
        "|{n} photos added since are being caught up, and are found by name and date meanwhile",
    ),
    "reindex.waiting_in_vain": (
        "之后添加的 {n} 张照片要等向量服务提供这个模型才能补上；请把它加进 SOUTU_EMBEDDING_MODELS",
        "{n} photo added since waits until the embedding service offers this model; add it to SOUTU_EMBEDDING_MODELS"
        "|{n} photos added since wait until the embedding service offers this model; add it to SOUTU_EMBEDDING_MODELS",
    ),
    "reindex.forgotten": ("已删除 {n} 张照片的旧向量", "Embeddings of {n} photo removed|Embeddings of {n} photos removed"),
    "reindex.one_thing": (
        "模型、--back 和 --forget 只能用一个",
        "a model, --back and --forget exclude each other: use one of them",
    ),
    "reindex.unknown": (
        "没有模型或向量空间“{given}”，请用 soutu status 查看；新模型要先加进 SOUTU_EMBEDDING_MODELS",
        'there is no model or space "{given}"; soutu status lists them, and SOUTU_EMBEDDING_MODELS adds new ones',
    ),
    "reindex.ambiguous": (
        "“{given}”对应多个向量空间，请写出更多位编号（soutu status 可查）",
        '"{given}" fits several spaces: give more digits of the id (see soutu status)',
    ),
    "jobs.nothing": ("没有任务", "There are no jobs"),
    "jobs.none_active": ("没有正在进行的任务", "no job is running"),
    "jobs.changed": ("任务 {job}：{state}", "Job {job}: {state}"),
    "check.running": ("正在检查", "Checking"),
    "check.interrupted": (
        "不再等待，检查会继续；用 soutu jobs 查看（任务 {job}）",
        "no longer waiting; the check goes on. soutu jobs shows it (job {job})",
    ),
    "check.hint": ("soutu check --repair 会修好能修的", "soutu check --repair mends what can be mended"),
    "column.found": ("发现", "Found"),
    "column.mended": ("修好", "Mended"),
    "column.what": ("问题", "What"),
    "job.check": ("检查", "check"),
    "job.sync": ("读取来源", "sync"),
    "job.reindex": ("换用模型", "re-index"),
    "job.unknown": ("其他", "other"),
    "job_state.running": ("进行中", "running"),
    "job_state.paused": ("已暂停", "paused"),
    "job_state.succeeded": ("完成", "done"),
    "job_state.failed": ("失败", "failed"),
    "job_state.cancelled": ("已取消", "cancelled"),
    "job_state.unknown": ("未知", "unknown"),
    # status
    "status.service": ("搜索服务", "search service"),
    "status.service_value": ("{address}，版本 {version}", "{address}, version {version}"),
    "status.photos": ("照片", "photos"),
    "status.photos_value": (
        "{photos} 张：{ready} 张可搜索，{pending} 张待处理，{unreadable} 张无法读取",
        "{photos}: {ready} searchable, {pending} pending, {unreadable} unreadable",
    ),
    "status.waiting": ("；最早的从 {since} 开始等", "; the oldest waits since {since}"),
    "status.time_left": ("，还需约 {time}", ", about {time} left"),
    "status.time_needed": ("，向量服务恢复后约需 {time}", ", about {time} once the embedding service is back"),
    "status.seconds": ("{n} 秒", "{n} s"),
    "status.minutes": ("{n} 分钟", "{n} min"),
    "status.hours": ("{n} 小时", "{n} h"),
    "status.unreadable": ("无法读取", "unreadable"),
    "status.deleted": ("已删除", "deleted"),
    "status.deleted_value": ("{n} 张（可恢复）", "{n} (can be brought back)"),
    "status.files": ("文件", "files"),
    "status.files_value": ("{objects} 个，照片共 {size}", "{objects}, photos take {size}"),
    "status.ignored": ("忽略", "ignored"),
    "status.sources": ("来源", "sources"),
    "status.read_only": ("只读", "read-only"),
    "status.writable": ("可写", "writable"),
    "status.source_value": ("{name}：{objects} 个文件，{access}，{synced}", "{name}: {objects} files, {access}, {synced}"),
    "status.synced": ("读取于 {when}", "read {when}"),
    "status.never_synced": ("还没有读取过", "not read yet"),
    "status.model": ("模型", "model"),
    "status.text_model": ("文字模型", "text model"),
    "status.away": ("（从 {since} 起没有回应）", " (no answer since {since})"),
    "status.woken": ("，{when} 已发送唤醒信号", ", woken at {when}"),
    "status.spaces": ("向量空间", "spaces"),
    "status.space_value": ("{model}（{space}）：{photos} 张照片，{use}", "{model} ({space}): {photos} photos, {use}"),
    "status.space_serving": ("正在使用", "serves"),
    "status.space_filling": ("正在换用", "is being taken over"),
    "status.space_kept": ("保留着", "kept"),
    "status.space_new": ("可用 soutu reindex 换用", "soutu reindex takes it over"),
    "status.space_unavailable": ("{use}，向量服务现在没有提供", "{use}, not offered by the embedding service now"),
    "status.index": ("索引", "index"),
    "status.index_value": ("{kind}，{vectors} 个向量", "{kind}, {vectors} vectors"),
    "status.jobs": ("任务", "jobs"),
    "status.problem": ("有问题：{problem}", "problem: {problem}"),
    # backup, restore
    "backup.running": ("正在备份", "Backing up"),
    "backup.exists": (
        "{path} 已经存在：换一个文件名，或加 --force 覆盖它",
        "{path} is there already: choose another name, or add --force to replace it",
    ),
    "backup.done": (
        "已备份到 {path}（{size}，{n} 张照片的目录，{when}）。照片本身不在里面，请另外备份照片存储",
        "Backup: {path} ({size}, the catalog of {n} photo, {when}). The photo itself is not in it"
        "|Backup: {path} ({size}, the catalog of {n} photos, {when}). The photos themselves are not in it",
    ),
    "restore.ask": (
        "用 {when} 的备份（{n} 张照片）代替现在的图库目录？现在的会另存一份，搜索服务会重新启动",
        "Put the backup of {when} ({n} photo) in the catalog's place? The present one is kept aside; the service starts again"
        "|Put the backup of {when} ({n} photos) in the catalog's place? The present one is kept aside; the service starts again",
    ),
    "restore.running": ("正在恢复", "Restoring"),
    "restore.done": (
        "已恢复到 {when} 的备份（{n} 张照片），搜索服务已重新启动，正在和照片存储核对；用 soutu status 查看",
        "Restored to the backup of {when} ({n} photo). The service started again and compares it with the photo store; see soutu"
        " status|Restored to the backup of {when} ({n} photos). The service started again and compares it with the photo store;"
        " see soutu status",
    ),
    "restore.left": (
        "{when} 的备份（{n} 张照片）已经放好，搜索服务重新启动后生效",
        "The backup of {when} ({n} photo) is in its place and takes over when the service has started again"
        "|The backup of {when} ({n} photos) is in its place and takes over when the service has started again",
    ),
    # completion
    "completion.bash": (
        "用法：soutu completion bash > ~/.local/share/bash-completion/completions/soutu，然后打开新的终端。"
        '没有装 bash-completion 时，在 ~/.bashrc 里写：eval "$(soutu completion bash)"',
        "To use it: soutu completion bash > ~/.local/share/bash-completion/completions/soutu, then open a new terminal. Without"
        ' the package bash-completion, write into ~/.bashrc: eval "$(soutu completion bash)"',
    ),
    "completion.zsh": (
        "用法：在 ~/.zshrc 里 compinit 之后写一行：source <(soutu completion zsh)，然后打开新的终端",
        "To use it: write into ~/.zshrc, below compinit: source <(soutu completion zsh), then open a new terminal",
    ),
    "completion.fish": (
        "用法：soutu completion fish > ~/.config/fish/completions/soutu.fish",
        "To use it: soutu completion fish > ~/.config/fish/completions/soutu.fish",
    ),
    "completion.which_shell": (
        "不知道你用的是哪种 shell，请写出来：soutu completion bash、zsh 或 fish",
        "your shell is not known here; name it: soutu completion bash, zsh or fish",
    ),
    # duplicates
    "duplicates.group": ("第 {number} 组，{n} 张", "Group {number}, {n} photos"),
    "duplicates.nothing": ("没有几乎相同的照片", "No photos are nearly the same"),
    "duplicates.hint": (
        "每组第一张像素最多。要删除其余的：soutu delete 编号…（可以恢复）",
        "The first of each group has most pixels. To delete others: soutu delete PHOTO_ID… (they can be brought back)",
    ),
    # doctor
    "doctor.address": ("地址 {address}", "address {address}"),
    "doctor.resolves": ("解析为 {ip}", "resolves to {ip}"),
    "doctor.not_resolved": (
        "找不到主机 {host}：请检查名字的拼写、局域网和 --address",
        "the host {host} is not known: check its spelling, the network and --address",
    ),
    "doctor.port": ("端口 {port}", "port {port}"),
    "doctor.port_open": ("可以连接，{milliseconds} 毫秒", "reachable, {milliseconds} ms"),
    "doctor.port_refused": (
        "没有程序在监听：请在那台机器上启动 soutu（make run，或 docker compose up，或 systemctl start soutu-search），并检查端口",
        "nothing listens there: start soutu on that machine (make run, docker compose up or systemctl start soutu-search), and"
        " check the port",
    ),
    "doctor.port_silent": (
        "没有回应：请检查那台机器是否开着，防火墙是否放行这个端口",
        "no answer: check that the machine is on and that its firewall lets this port through",
    ),
    "doctor.network": ("家里的网络", "the home's network"),
    "doctor.network_found": (
        "{address} 上有搜图（版本 {version}）：复制那里的 ca.pem，用 --authority 或 SOUTU_AUTHORITY 指出它，就会用它",
        "soutu is at {address} (version {version}): copy its ca.pem here, and name it with --authority or SOUTU_AUTHORITY",
    ),
    "doctor.network_plain": (
        "{address} 上有搜图（版本 {version}），不加密：要用它，请写 --address",
        "soutu is at {address} (version {version}), not encrypted: to use it, write --address",
    ),
    "doctor.network_nobody": (
        "没有搜图报出自己：若在别的机器上，请写 --address 或 SOUTU_ADDRESS",
        "no soutu announces itself: if it is on another machine, name it with --address or SOUTU_ADDRESS",
    ),
    "doctor.service": ("搜索服务", "search service"),
    "doctor.service_ok": ("正常，版本 {version}，{milliseconds} 毫秒", "serving, version {version}, {milliseconds} ms"),
    "doctor.not_soutu": (
        "那个端口上的不是搜索服务：请检查端口（搜索服务默认 8401）",
        "what listens there is no search service: check the port (the search service's is 8401 by default)",
    ),
    "doctor.versions": ("版本", "versions"),
    "doctor.versions_same": ("客户端与服务一致", "client and service are the same"),
    "doctor.versions_differ": (
        "客户端 {client}，服务 {service}：请升级较旧的一个",
        "client {client}, service {service}: update the older one",
    ),
    "doctor.embedder": ("向量服务", "embedding service"),
    "doctor.embedder_ok": ("{address}，模型 {model}（{variant}）", "{address}, model {model} ({variant})"),
    "doctor.embedder_usable": ("可以使用", "can be used"),
    "doctor.embedder_unusable": (
        "现在不能使用，只能按名称、标签和说明搜索；请告诉管理员",
        "cannot be used now, so only names, tags and captions are searched; tell the administrator",
    ),
    "doctor.embedder_bad": (
        "{problem}。此时只能按名称、标签和说明搜索；请启动 {address} 上的向量服务",
        "{problem}. Only names, tags and captions are searched meanwhile; start the embedding service at {address}",
    ),
    "doctor.embedder_asleep": (
        "从 {since} 起没有回应（可能在休眠）。文字搜索照常；新照片等它恢复后处理，暂时不能用图片搜索",
        "no answer since {since} (asleep, perhaps). Words are searched as ever; new photos wait for it, and pictures cannot be "
        "searched by until it is back",
    ),
    "doctor.embedder_faulty": (
        "{address}，模型 {model}，有问题：{problem}",
        "{address}, model {model}, has a problem: {problem}",
    ),
    "doctor.text_embedder": ("文字向量服务", "text embedding service"),
    "doctor.text_embedder_bad": (
        "{problem}。此时文字由主向量服务处理，它休眠时只能按名称、标签和说明搜索（地址 {address}）",
        "{problem}. Words go to the main one meanwhile; while that sleeps only names, tags and captions are searched "
        "(address {address})",
    ),
    "doctor.no_answer": ("没有回答", "it does not answer"),
    "doctor.source": ("来源 {name}", "source {name}"),
    "doctor.source_ok": ("{objects} 个文件，{synced}", "{objects} files, {synced}"),
    "doctor.source_bad": (
        "{problem}。请检查对象存储是否在运行，桶 {bucket} 是否存在、账号是否有权限",
        "{problem}. Check that the object store runs, that bucket {bucket} exists and that the account may read it",
    ),
    "doctor.index": ("索引", "index"),
    "doctor.index_ok": ("{vectors} 个向量", "{vectors} vectors"),
    "doctor.index_behind": (
        "{vectors} 个向量，少于 {ready} 张可搜索的照片：请重启搜索服务，它会重建索引",
        "{vectors} vectors for {ready} searchable photos: restart the search service, it rebuilds the index",
    ),
    "doctor.pending": ("待处理", "pending"),
    "doctor.pending_none": ("没有", "none"),
    "doctor.pending_some": ("{n} 张，正在处理", "{n}, being processed"),
    "doctor.pending_asleep": (
        "{n} 张，等向量服务恢复后自动处理；现在已可按名称和日期找到",
        "{n}, embedded by themselves when the embedding service is back; found by name and date already",
    ),
    "doctor.pending_stuck": (
        "{n} 张从 {since} 起没有处理完：请看上面的向量服务和来源，以及搜索服务的日志",
        "{n} wait since {since}: see the embedding service and the sources above, and the search service's log",
    ),
    "doctor.page": ("网页", "page"),
    "doctor.page_ok": ("在 {url}", "at {url}"),
    "doctor.page_none": (
        "{url} 没有网页：想用的话，在那台机器上启动 soutu-web",
        "none answers at {url}: start soutu-web there, if you want it",
    ),
    "doctor.photos": ("照片", "photos"),
    "doctor.photos_none": (
        "还没有：soutu add 文件夹，或在网页上添加",
        "none yet: soutu add FOLDER, or add some on the page",
    ),
    "doctor.unreadable": ("无法读取", "unreadable"),
    "doctor.unreadable_some": (
        "{n} 张：用 soutu list --state unreadable 查看原因",
        "{n}: soutu list --state unreadable says why",
    ),
    "doctor.fine": ("一切正常", "Everything is fine"),
    "doctor.problems": ("有 {n} 处问题，见上", "{n} problem, see above|{n} problems, see above"),
}
