"""``soutu-certificates``, which ``make certificates`` calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from platformdirs import user_data_path

from soutu_services.certificates.certificate_folder import (
    AUTHORITY_FILE,
    AUTHORITY_KEY_FILE,
    TOKEN_FILE,
    CertificateFolder,
    Issued,
    Outcome,
)
from soutu_services.certificates.host_names import machine_names
from soutu_services.certificates.installed_folder import PROGRAMS, install, install_for
from soutu_services.runtime.errors import SoutuError
from soutu_services.runtime.language import Language, Text, language_of_environment

__all__ = ["main"]

_OUTCOMES = {
    Outcome.MADE: Text(zh="新证书", en="new"),
    Outcome.RENEWED: Text(zh="已更新", en="renewed"),
    Outcome.KEPT: Text(zh="仍有效，未动", en="still good, kept"),
}
_NOTHING_TO_DO = Text(
    zh="还没有任何机器的证书：请用 --host 说出机器的名字，例如 --host nas.local,192.168.1.5",
    en="there is no machine yet: name them with --host, for instance --host nas.local,192.168.1.5",
)
_ONE_HOST = Text(
    zh="--install 要配一个 --host：本机的全部名字和地址，用逗号隔开",
    en="--install goes with one --host: all names and addresses of this machine, with commas between them",
)


@click.command(help="家用证书：建立家里自己的证书机构，并为每台机器签发证书 · Make the home's own authority and certificates.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME[,NAME…]",
    help="一台机器的全部名字和地址，可重复 · all names and addresses of one machine; repeatable. "
    "不给则只更新快过期的 · none: renew what is near its end.",
)
@click.option(
    "--install",
    "installed",
    multiple=True,
    metavar="[PROGRAM=]FOLDER",
    help="再把本机（唯一的 --host）的证书和令牌、照片存储的密钥放进这个文件夹，给本机的服务用 · also put this machine's "
    "(the one --host) files, and a key for its object store, into a folder for its own services. "
    f"PROGRAM=（{', '.join(PROGRAMS)}）：只放它要用的，可重复 · that program's alone; repeatable.",
)
def _command(folder: Path | None, hosts: Sequence[str], installed: Sequence[str]) -> None:
    language = language_of_environment(os.environ)
    if installed and len(hosts) != 1:
        raise click.UsageError(_ONE_HOST.to(language))
    try:
        machines = [machine_names(host) for host in hosts]
        root = folder or user_data_path("soutu", appauthor=False) / "certificates"
        opened = CertificateFolder.open(root.absolute())
        issued = [opened.issue(names) for names in machines or opened.machines()]
        for place in installed:
            program, _, place_of_program = place.partition("=")
            if program in PROGRAMS and place_of_program:
                install_for(program, issued[0], Path(place_of_program), authority=opened.root)
            else:
                install(issued[0], Path(place))
    except SoutuError as error:
        raise click.ClickException(error.text.to(language)) from error
    if not issued:
        raise click.ClickException(_NOTHING_TO_DO.to(language))
    if not installed:
        _tell(opened, issued, language)
    else:
        _tell_machines(issued, language)


def _tell_machines(issued: Sequence[Issued], language: Language) -> None:
    for machine in issued:
        names = ", ".join(machine.names)
        outcome = _OUTCOMES[machine.outcome]
        _say(
            language,
            zh=f"{machine.folder.name}：{outcome.zh}，到 {machine.ends_at:%Y-%m-%d}；名字：{names}",
            en=f"{machine.folder.name}: {outcome.en}, until {machine.ends_at:%Y-%m-%d}; names: {names}",
        )


def _tell(opened: CertificateFolder, issued: Sequence[Issued], language: Language) -> None:
    _tell_machines(issued, language)
    _say(language, zh="", en="")
    _say(
        language,
        zh=f"1. 把 {opened.root}/机器名/ 整个文件夹复制到那台机器上（只让运行服务的用户可读），然后在那里设置：",
        en=f"1. Copy the folder {opened.root}/MACHINE/ to that machine, for the service's user alone, and set there:",
    )
    for where, service, more in (
        (
            Text(zh="NAS", en="NAS"),
            "SEARCH",
            f"SOUTU_SEARCH_TLS__AUTHORITY=…/ca.pem SOUTU_SEARCH_EMBEDDING_TOKEN_FILE=…/{TOKEN_FILE}",
        ),
        (Text(zh="显卡机", en="GPU machine"), "EMBEDDING", f"SOUTU_EMBEDDING_TOKEN_FILE=…/{TOKEN_FILE}"),
    ):
        own = f"SOUTU_{service}_TLS__CERTIFICATE=…/certificate.pem SOUTU_{service}_TLS__KEY=…/key.pem"
        click.echo(f"   {where.to(language)}: {own} {more}")
    _say(
        language,
        zh=f"2. 把 {opened.root}/{AUTHORITY_FILE} 给每台要搜照片的机器（树莓派也一样），设 SOUTU_AUTHORITY=…/{AUTHORITY_FILE}",
        en=f"2. Give {opened.root}/{AUTHORITY_FILE} to each machine that searches, a Raspberry Pi too, and set "
        f"SOUTU_AUTHORITY=…/{AUTHORITY_FILE}",
    )
    _say(
        language,
        zh=f"3. {AUTHORITY_KEY_FILE} 留在这里，谁也不要给：拿到它就能冒充家里的任何机器",
        en=f"3. Keep {AUTHORITY_KEY_FILE} here and give it to nobody: whoever has it can pose as any machine of the home",
    )


def _say(language: Language, *, zh: str, en: str) -> None:
    click.echo(Text(zh=zh, en=en).to(language))


def main() -> None:
    """Run the command."""
    sys.exit(_command.main(prog_name="soutu-certificates"))


if __name__ == "__main__":
    main()
