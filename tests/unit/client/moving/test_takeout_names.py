"""Which sidecar belongs to which file: names as they were seen in real Takeouts by those who import them."""

import pytest

from soutu_client._moving.takeout_names import SidecarNames, whole_name

CUT = "Backyard_ceremony_wedding_photography_xxxxxxx_m"
OWN = [
    ("PXL_20211013_220651983.jpg.json", "PXL_20211013_220651983.jpg"),
    ("IMG_20200920_131207.jpg.supplemental-metadata.json", "IMG_20200920_131207.jpg"),
    ("DSC_0101.JPG(1).json", "DSC_0101(1).JPG"),
    ("DSC_0101(1).JPG.json", "DSC_0101(1).JPG"),
    ("IMG_2710.HEIC.supplemental-metadata(1).json", "IMG_2710(1).HEIC"),
    ("image(1).png.supplemental-metadata.json", "image(1).png"),
    ("PXL_20210102_221126856.MP~2.jpg.json", "PXL_20210102_221126856.MP~2.jpg"),
    ("Screenshot_2017-07-05-10-05-26.png.supplementa.json", "Screenshot_2017-07-05-10-05-26.png"),
    ("Screenshot_20220207_102421_com.snapchat.androi.json", "Screenshot_20220207_102421_com.snapchat.android.jpg"),
    ("D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg.supp.json", "D7157814-D2D5-4A62-AFCE-9CF465CB7D66.jpeg"),
    ("123456789123456789123456789123456789_DSCN0098.JPG.su(1).json", "123456789123456789123456789123456789_DSCN0098(1).JPG"),
    ("PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGIN.json", "PXL_20230809_203449253.LONG_EXPOSURE-02.ORIGINA.jpg"),
    ("05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jp.json", "05yqt21kruxwwlhhgrwrdyb6chhwszi9bqmzu16w0 2.jpg"),
    ("😀😃😄😁😆😅😂🤣🥲☺️😊😇🙂🙃😉😌😍🥰😘😗😙😚😋.json", "😀😃😄😁😆😅😂🤣🥲☺️😊😇🙂🙃😉😌😍🥰😘😗😙😚😋😛.jpg"),
    ("Backyard_ceremony_wedding_photography_xxxxxxx_(494).json", "Backyard_ceremony_wedding_photography_xxxxxxx_m(494).jpg"),
    ("original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.json", "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P.jpg"),
    ("original_1d4caa6f-16c6-4c3d-901b-9387de10e528_.json", "original_1d4caa6f-16c6-4c3d-901b-9387de10e528_P(1).jpg"),
    ("13039_327707840323_537645323_9470255_27214_n.j(1).json", "13039_327707840323_537645323_9470255_27214_n(1).jpg"),
    ("IMG_2.jpg..json", "IMG_2.jpg"),
    ("03.03.13 - 1.json", "03.03.13 - 1"),
    ("微信图片_20190501123000.jpg.supplemental-metadata.json", "微信图片_20190501123000.jpg"),
]
STRANGE = [
    ("PXL_20211013_220651983.jpg.json", "PXL_20211013_220651958.jpg"),
    ("DSC_0102.JPG(2).json", "DSC_0102(1).JPG"),
    ("DSC_0103.JPG(1).json", "DSC_0103.JPG"),
    ("DSC_0104.JPG.json", "DSC_0104(1).JPG"),
    ("IMG_1.jpg.json", "IMG_12.jpg"),
    ("Backyard_ceremony_wedding_photography_xxxxxxx_(494).json", "Backyard_ceremony_wedding_photography_xxxxxxx_m(185).jpg"),
    ("PXL_20220405_090123740.PORTRAIT.jpg.json", "PXL_20220405_090123741.PORTRAIT-modifié.jpg"),
]


@pytest.mark.parametrize(("sidecar", "file"), OWN)
def test_a_file_finds_its_own_sidecar(sidecar: str, file: str) -> None:
    others = ["IMG_9999.jpg.json", "metadata.json"]
    assert SidecarNames([sidecar, *others], [file]).find(file) == sidecar


@pytest.mark.parametrize(("sidecar", "file"), STRANGE)
def test_a_file_takes_no_other_s_sidecar(sidecar: str, file: str) -> None:
    assert SidecarNames([sidecar], [file]).find(file) is None


@pytest.mark.parametrize(
    ("file", "beside", "sidecar"),
    [
        ("IMG_1-edited.jpg", "IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1-编辑.jpg", "IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1-bearbeitet.jpg", "IMG_1.HEIC", "IMG_1.HEIC.json"),
        ("IMG_1-edited(1).jpg", "IMG_1(1).jpg", "IMG_1.jpg(1).json"),
        ("IMG_1-ha editado.jpg", "IMG_1.jpg", "IMG_1.jpg.json"),
        ("PXL_1.PORTRAIT-modifié.jpg", "PXL_1.PORTRAIT.jpg", "PXL_1.PORTRAIT.jpg.json"),
        ("IMG_1.MOV", "IMG_1.HEIC", "IMG_1.HEIC.supplemental-metadata.json"),
        ("PXL_20231118_035751175.MP", "PXL_20231118_035751175.MP.jpg", "PXL_20231118_035751175.MP.jpg.json"),
    ],
)
def test_an_edit_and_a_clip_share_the_sidecar_of_the_picture(file: str, beside: str, sidecar: str) -> None:
    assert SidecarNames([sidecar], [file, beside]).find(file) == sidecar


def test_a_number_decides_between_two() -> None:
    names = SidecarNames(["IMG.jpg.json", "IMG.jpg(1).json"], ["IMG.jpg", "IMG(1).jpg"])
    assert (names.find("IMG.jpg"), names.find("IMG(1).jpg")) == ("IMG.jpg.json", "IMG.jpg(1).json")


@pytest.mark.parametrize(
    ("file", "title", "whole"),
    [
        (f"{CUT}.jpg", f"{CUT}ary.jpg", f"{CUT}ary.jpg"),
        (f"{CUT}(3).jpg", f"{CUT}ary.jpg", f"{CUT}ary(3).jpg"),
        (f"{CUT}.MOV", f"{CUT}ary.HEIC", f"{CUT}ary.MOV"),
        ("IMG_1.jpg", "IMG_1234.jpg", "IMG_1.jpg"),
        (f"{CUT}.jpg", f"../{CUT}ary.jpg", f"{CUT}.jpg"),
    ],
)
def test_a_name_that_was_cut_is_whole_again(file: str, title: str, whole: str) -> None:
    assert whole_name(file, title) == whole
