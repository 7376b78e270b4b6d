"""The library service's calls about backups on the wire: translates and delegates."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from soutu.search.v1 import library_service_pb2, library_service_pb2_grpc

from soutu_services.search.backups import BackupLeft, Backups
from soutu_services.search.servicer_messages import timestamp

__all__ = ["BackupServicer"]


class BackupServicer(library_service_pb2_grpc.LibraryServiceServicer):
    """Answers the calls about backups; a base of the whole library service."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    def CreateBackup(  # noqa: N802
        self, request: library_service_pb2.CreateBackupRequest, context: grpc.ServicerContext
    ) -> Iterator[library_service_pb2.CreateBackupResponse]:
        """Stream a backup of the catalog."""
        try:
            with self._backups.make(is_wanted=context.is_active) as backup:
                yield library_service_pb2.CreateBackupResponse(total_bytes=backup.total_bytes)
                for part in backup.parts:
                    yield library_service_pb2.CreateBackupResponse(data=part)
        except BackupLeft:
            return

    def RestoreBackup(  # noqa: N802
        self, request_iterator: Iterator[library_service_pb2.RestoreBackupRequest], context: grpc.ServicerContext
    ) -> library_service_pb2.RestoreBackupResponse:
        """Take a backup's place."""
        restored = self._backups.restore(request.data for request in request_iterator)
        return library_service_pb2.RestoreBackupResponse(photos=restored.photos, create_time=timestamp(restored.created_at))
