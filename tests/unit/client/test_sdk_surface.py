"""What the SDK offers, and what it does not load."""

import subprocess
import sys
from pathlib import Path

import soutu_client

PUBLIC = """
Access AddProgress AddResult AddedFile Annotations Backup BoundingBox BusyError CallCancelledError CallTimeoutError CameraCount
CheckFinding Client DataLossError Deed DuplicateGroup DuplicatePage EmbedderStatus EmbeddingBatch Feedback FeedbackRecord
FeedbackStatus FileChangedError FileProblem Filter FolderAccess FolderCount FormatCount FoundContent Hit ImageTerm ImportResult
IndexStatus InternalError InvalidInputError Job JobKind JobPage JobState KnownFile LabelCount Language Layout LibraryStatus
LibrarySummary Location MatchField MonthCount MoveInPlan MoveInResult NewToken NotAllowedError NotAuthenticatedError
NotFoundError NotReadyError NotSupportedError NotTrustedError Notice NoticeReason OriginalStream Photo PhotoEmbedding PhotoKind
PhotoName PhotoPage PhotoPart PhotoState PhotoTerm ReadyProgress ReadyResult ReasonCount Scope SearchPage SourceStatus SoutuError
SpaceStatus Taken TakenOrigin Term TextTerm Thumbnail Token TokenPage UnavailableError Unreadable UnreadableReason Upload Use
WordMatch
"""

METHODS = """
access add address annotate cancel_job close create_backup create_token delete delete_space export_embeddings find_contents
import_embeddings is_encrypted job jobs language list_photos move_in near_duplicates pause_job photo photos plan_move_in purge
purge_all read_original restore_backup resume_job revoke_token save_original search similar start_check start_reindex
start_sync status summary switch_space thumbnail tokens undelete upload wait_until_ready watch_job
"""


def test_the_public_names_are_these() -> None:
    assert sorted(soutu_client.__all__) == sorted(PUBLIC.split())
    for name in soutu_client.__all__:
        assert getattr(soutu_client, name) is not None


def test_the_client_has_these_methods() -> None:
    assert [name for name in dir(soutu_client.Client) if not name.startswith("_")] == sorted(METHODS.split())


def test_only_the_converters_and_the_calls_know_the_wire() -> None:
    folder = Path(soutu_client.__file__).parent
    knowing = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "from soutu." in (text := path.read_text(encoding="utf-8")) or "import google" in text or "from google" in text
    }
    assert knowing == {"_calls.py", *(f"_convert/{name}.py" for name in ("access", "library", "photos", "search", "values"))}


def test_the_sdk_loads_no_model_store_index_or_picture_library() -> None:
    program = (
        "import sys; from soutu_client import Client; Client('127.0.0.1:1').close();"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = set(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split())
    assert "grpc" in loaded
    assert not loaded & {"torch", "faiss", "minio", "onnxruntime", "numpy", "PIL", "click", "rich", "pydantic"}


def test_the_help_loads_neither_grpc_nor_pillow() -> None:
    program = "import sys; from soutu_client.cli.main import run; run(['search', '--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "rich" in loaded
    assert not set(loaded) & {"grpc", "PIL", "google.protobuf"}


def loaded_by(program: str) -> set[str]:
    """Return the modules that a program has loaded at its end."""
    code = f"import sys; {program}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_package_loads_what_is_asked_for_and_no_more() -> None:
    nothing = loaded_by("import soutu_client")
    assert not nothing & {"grpc", "google.protobuf", "dataclasses", "asyncio", "json", "zeroconf"}
    assert {name for name in nothing if name.startswith("soutu_client.")} == set()
    hit = loaded_by("from soutu_client import Hit")
    assert "soutu_client.models" in hit
    assert not hit & {"grpc", "soutu_client.library_models", "soutu_client.client"}


def test_a_search_loads_neither_uploads_nor_backups_nor_the_library() -> None:
    loaded = loaded_by("from soutu_client import Client; Client('127.0.0.1:1').close()")
    assert "soutu_client._convert.search" in loaded
    unneeded = {"_adding", "_backup", "_discovery", "_original", "_ready", "_upload", "_convert.library", "_convert.access"}
    assert not loaded & {f"soutu_client.{name}" for name in (*unneeded, "library_models", "add_models")}
    assert not loaded & {"zeroconf", "tarfile"}


def test_a_module_that_comes_later_is_the_module() -> None:
    from soutu_client import _adding
    from soutu_client.client import adding

    assert adding.add_files is _adding.add_files
    assert set(soutu_client.__all__) <= set(dir(soutu_client))
