"""Pictures compared with those of DCMTK, an independent implementation, at full size.

Its JPEG 2000, 32-bit big endian and segmented palettes are missing or wrong, so files of those kinds are compared with
their uncompressed twins elsewhere; it draws overlays, which the pictures here leave out.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.contact_sheet import dicom_files
from bench.dcmtk import dcmtk_command
from tests.installed import program
from tests.unit.pictures.synthetic import shown


@pytest.fixture(autouse=True)
def dcmtk() -> None:
    """Skips aloud where DCMTK is not installed."""
    program("dcmj2pnm", "dcmtk")
    program("dcml2pnm", "dcmtk")


MEAN, NEARLY_ALL = 1.5, 4
"""Tolerated mean difference, and the largest one of 99 % of the pixels, in shades of 255."""

COMPARED = {
    "MONOCHROME1": ["RG1_UNCR.dcm", "RG3_UNCR.dcm"],
    "MONOCHROME2, window": ["693_UNCR.dcm", "MR2_UNCR.dcm", "MR_small.dcm", "bad_sequence.dcm", "2693"],
    "MONOCHROME2, no window": ["CT_small.dcm", "emri_small.dcm", "JPEG-LL.dcm", "rtdose.dcm", "badVR.dcm"],
    "MONOCHROME2, 8 bits": ["JPGLosslessP14SV1_1s_1f_8b.dcm", "image_dfl.dcm", "JPEGLSNearLossless_08.dcm"],
    "modality LUT": ["mlut_18.dcm"],
    "VOI LUT": ["vlut_04.dcm"],
    "overlay in the pixels": ["MR-SIEMENS-DICOM-WithOverlays.dcm", "examples_overlay.dcm"],
    "big endian": ["MR_small_bigendian.dcm", "SC_rgb_expb_16bit.dcm", "OBXXXX1A_expb.dcm", "ExplVR_BigEnd.dcm"],
    "implicit VR": ["MR_small_implicit.dcm"],
    "PALETTE COLOR": ["OBXXXX1A.dcm", "OT-PAL-8-face.dcm", "examples_palette.dcm", "OBXXXX1A_2frame.dcm"],
    "RGB": ["SC_rgb.dcm", "SC_rgb_16bit.dcm", "US1_UNCR.dcm", "examples_rgb_color.dcm", "SC_rgb_2frame.dcm"],
    "YBR_FULL": ["SC_ybr_full_uncompressed.dcm", "SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm"],
    "YBR_FULL_422": ["SC_ybr_full_422_uncompressed.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "color3d_jpeg_baseline.dcm"],
    "JPEG in RGB": ["SC_rgb_dcmtk_+eb+cr.dcm", "SC_jpeg_no_color_transform_2.dcm", "SC_rgb_jpeg_gdcm.dcm"],
    "RLE": ["SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "MR_small_RLE.dcm", "emri_small_RLE.dcm", "OBXXXX1A_rle.dcm"],
    "JPEG-LS": ["MR_small_jpeg_ls_lossless.dcm", "emri_small_jpeg_ls_lossless.dcm", "SC_rgb_jls_lossy_line.dcm"],
}
FILES = {file.name: file for file in dicom_files()}


def dcmtk_picture(file: Path, target: Path) -> np.ndarray:
    subprocess.run(dcmtk_command(file, target, "+op"), check=True, capture_output=True)
    with Image.open(target) as image:
        return np.asarray(image).astype(int)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in COMPARED.items() for name in names], ids=lambda value: value
)
def test_a_file_looks_as_dcmtk_shows_it(kind: str, name: str, tmp_path: Path) -> None:
    expected = dcmtk_picture(FILES[name], tmp_path / "picture.pnm")
    found = shown(FILES[name].read_bytes())
    assert found.shape == expected.shape, kind
    difference = np.abs(found - expected)
    assert difference.mean() < MEAN
    assert np.percentile(difference, 99) <= NEARLY_ALL


@pytest.mark.parametrize(
    ("compressed", "uncompressed"),
    [
        ("693_J2KR.dcm", "693_UNCR.dcm"),
        ("MR2_J2KR.dcm", "MR2_UNCR.dcm"),
        ("RG1_J2KR.dcm", "RG1_UNCR.dcm"),
        ("RG3_J2KR.dcm", "RG3_UNCR.dcm"),
        ("US1_J2KR.dcm", "US1_UNCR.dcm"),
        ("US1_J2KI.dcm", "US1_UNCI.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm"),
        ("rtdose_expb.dcm", "rtdose.dcm"),
        ("SC_rgb_expb_32bit.dcm", "SC_rgb_32bit.dcm"),
        ("SC_rgb_gdcm_KY.dcm", "SC_rgb.dcm"),
        ("liver_expb.dcm", "liver.dcm"),
        ("gdcm-US-ALOKA-16_big.dcm", "gdcm-US-ALOKA-16.dcm"),
    ],
)
def test_twins_in_another_transfer_syntax_look_the_same(compressed: str, uncompressed: str) -> None:
    difference = np.abs(shown(FILES[compressed].read_bytes()) - shown(FILES[uncompressed].read_bytes()))
    assert difference.mean() < MEAN
