"""The house: which programs run, in which order they start and stop, and on which ports."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from soutu_services.home import programs
from soutu_services.home.library import InPlaceFolder, Library
from soutu_services.home.problem import HomeProblem
from soutu_services.home.settings import HomeSettings
from soutu_services.home.supervisor import Program, Supervisor
from soutu_services.runtime.addresses import Address, PortInUse, check_free
from soutu_services.runtime.errors import SoutuError

__all__ = ["House"]

_PORTS_AFTER_CRASH_SECONDS = 20.0
"""How long the programs of a house that was killed may take to end."""


class House:
    """Every program that one machine needs, over one library.

    Args:
        settings: What to run.
        library: The library, locked.
        environment: Variables that the services get.
        on_death: Called when a program has died; see ``Supervisor``.
    """

    def __init__(
        self,
        settings: HomeSettings,
        library: Library,
        *,
        environment: Mapping[str, str] = os.environ,
        on_death: Callable[[Program, int, float], None],
    ) -> None:
        self._settings = settings
        self._library = library
        self._environment = environment
        self._supervisor = Supervisor(library.logs, log_bytes=settings.log_bytes, on_death=on_death)

    @property
    def missing_folders(self) -> tuple[InPlaceFolder, ...]:
        """Folders in place that are not there now, for instance on a drive that is not plugged in."""
        return tuple(folder for folder in self._library.in_place_folders if not Path(folder.path).is_dir())

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines can reach a service that it starts; metrics, which tell of no photo, aside."""
        return any(not Address.parse(listen).is_loopback for listen in self._service_addresses().values())

    def start(self, should_stop: Callable[[], bool]) -> bool:
        """Start everything and wait until it answers.

        Returns:
            False if ``should_stop`` said so first.

        Raises:
            HomeProblem: a port is in use, or a program does not start.
        """
        self._wait_for_ports(should_stop)
        present = [folder for folder in self._library.in_place_folders if folder not in self.missing_folders]
        first = []
        if not self._settings.store_url:
            first.append(programs.photo_store(self._library, self._settings))
        if present:
            # A folder that is missing is no bucket at all: the search service says so, and does not take its photos for deleted.
            first.append(programs.in_place_store(self._library, self._settings, present))
        if self._settings.runs_embedding:
            first.append(programs.embedding_service(self._settings, self._environment))
        for program in first:
            self._supervisor.start(program)
        for program in first:
            if not self._ready(program, should_stop):
                return False
        search = programs.search_service(self._library, self._settings, self._environment)
        self._supervisor.start(search)
        if not self._ready(search, should_stop):
            return False
        if not self._settings.web_listen:
            return True
        web = programs.web_page(self._library, self._settings, self._environment)
        self._supervisor.start(web)
        return self._ready(web, should_stop)

    def tick(self) -> None:
        """Look after every program once."""
        self._supervisor.tick()

    def run_until(self, should_stop: Callable[[], bool]) -> None:
        """Look after the programs until ``should_stop`` says so."""
        self._supervisor.run_until(should_stop)

    def stop(self) -> None:
        """Stop everything: the page and the search service first, what they use after them."""
        self._supervisor.stop()

    def _ready(self, program: Program, should_stop: Callable[[], bool]) -> bool:
        return self._supervisor.wait_ready(program, limit_seconds=self._settings.start_seconds, should_stop=should_stop)

    def _wait_for_ports(self, should_stop: Callable[[], bool]) -> None:
        """Check every port, and give the programs of a house that was killed the time to end."""
        limit = time.monotonic() + (_PORTS_AFTER_CRASH_SECONDS if self._library.crashed else 0.0)
        while True:
            try:
                self._check_ports()
            except HomeProblem:
                if time.monotonic() >= limit or should_stop():
                    raise
                time.sleep(0.2)
            else:
                return

    def _check_ports(self) -> None:
        wanted = self._service_addresses() | {"SOUTU_SEARCH_METRICS_LISTEN": self._settings.search_metrics_listen}
        if self._settings.runs_embedding:
            wanted["SOUTU_EMBEDDING_METRICS_LISTEN"] = self._settings.embedding_metrics_listen
        for variable, listen in wanted.items():
            if not listen:
                continue
            try:
                address = Address.parse(listen)
                check_free(address)
            except PortInUse as error:
                raise HomeProblem(
                    zh=f"端口 {address.port} 已被别的程序占用（{address}）。请关闭那个程序，"
                    f"或换一个端口：{variable}={address.with_port(address.port + 100)} make run",
                    en=f"port {address.port} is used by another program ({address}). Stop it, "
                    f"or choose another port: {variable}={address.with_port(address.port + 100)} make run",
                ) from error
            except SoutuError as error:
                raise HomeProblem(zh=f"{variable}：{error.text.zh}", en=f"{variable}: {error.text.en}") from error

    def _service_addresses(self) -> dict[str, str]:
        """Return what the services that are started here listen on, by the variables that say so."""
        settings = self._settings
        addresses = {"SOUTU_SEARCH_LISTEN": settings.search_listen}
        if settings.web_listen:
            addresses["SOUTU_WEB_LISTEN"] = settings.web_listen
        if not settings.store_url:
            addresses["SOUTU_HOME_STORE_LISTEN"] = settings.store_listen
        if self._library.in_place_folders:
            addresses["SOUTU_HOME_IN_PLACE_LISTEN"] = settings.in_place_listen
        if settings.runs_embedding:
            addresses["SOUTU_EMBEDDING_LISTEN"] = settings.embedding_listen
        return addresses
