"""Objects without a picture of their own get one that names their kind."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from dicom_service.exams.pictures.draw import draw_picture
from dicom_service.exams.pictures.kinds import kind_of
from dicom_service.exams.pictures.reading.dataset import read_object
from dicom_service.exams.pictures.request import PictureRequest
from tests.unit.pictures.synthetic import image_object, opened, written

STORAGE = "1.2.840.10008.5.1.4.1.1."


def of_class(sop_class: str) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.PatientName = "Secret^Patient"
    return written(dataset)


@pytest.mark.parametrize(
    ("sop_class", "name"),
    [
        (STORAGE + "104.1", "PDF"),
        (STORAGE + "88.11", "Structured report"),
        (STORAGE + "88.33", "Structured report"),
        (STORAGE + "88.59", "Key object selection"),
        (STORAGE + "11.1", "Presentation state"),
        (STORAGE + "481.3", "RT structure set"),
        (STORAGE + "481.5", "RT plan"),
        (STORAGE + "481.8", "RT ion plan"),
        (STORAGE + "9.1.1", "ECG"),
        (STORAGE + "9.4.2", "Audio"),
        (STORAGE + "66.4", "Segmentation"),
        (STORAGE + "2", "CT image"),
        (STORAGE + "77.1.6", "VL Whole Slide Microscopy image"),
        ("1.2.840.10008.1.3.10", "Media directory"),
        ("1.2.3.4.5", "DICOM object"),
        ("1.2.840.10008.1.1", "DICOM object"),
    ],
)
def test_kinds_by_sop_class(sop_class: str, name: str, caplog: pytest.LogCaptureFixture) -> None:
    part10 = of_class(sop_class)
    assert kind_of(read_object(part10)).name == name
    picture = draw_picture(part10, PictureRequest())
    assert picture.placeholder
    assert opened(picture.jpeg).size == (256, 256)
    assert not caplog.records


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.102.1", "1.2.840.10008.1.2.4.108"])
def test_video_is_known_by_its_transfer_syntax(syntax: str, caplog: pytest.LogCaptureFixture) -> None:
    part10 = image_object(
        encapsulate([b"\0\0\1\xba" * 50]),
        syntax,
        SOPClassUID=STORAGE + "77.1.1.1",
        Rows=480,
        Columns=640,
        NumberOfFrames=99,
    )
    assert kind_of(read_object(part10)).name == "Video"
    assert draw_picture(part10, PictureRequest(frame=7)).placeholder
    assert not caplog.records


@pytest.mark.parametrize("size", [16, 17, 63, 64, 100, 256, 777, 2048])
def test_placeholders_of_every_size(size: int) -> None:
    picture = opened(draw_picture(of_class(STORAGE + "104.1"), PictureRequest(size=size)).jpeg)
    assert picture.size == (size, size)
    assert np.asarray(picture.convert("L")).std() > 5


def test_kinds_look_different() -> None:
    names = ("104.1", "88.11", "11.1", "481.5", "9.4.2", "77.1.1.1", "2")
    assert len({draw_picture(of_class(STORAGE + name), PictureRequest()).jpeg for name in names}) == len(names)


def test_an_object_without_text_of_the_patient_looks_the_same() -> None:
    plain = Dataset()
    plain.SOPClassUID = STORAGE + "88.11"
    assert draw_picture(written(plain), PictureRequest()) == draw_picture(of_class(STORAGE + "88.11"), PictureRequest())


def ecg(kind: str = "SS", **attributes: object) -> bytes:
    beats = np.zeros((2000, 3), "<i2")
    beats[200::400] = (900, 700, -500)
    group = Dataset()
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = 3, 2000
    group.SamplingFrequency, group.WaveformBitsAllocated = 500, 16
    group.WaveformSampleInterpretation = kind
    group.add_new("WaveformData", "OW", beats.tobytes())
    for name, value in attributes.items():
        setattr(group, name, value)
    dataset = Dataset()
    dataset.SOPClassUID = STORAGE + "9.1.1"
    dataset.WaveformSequence = Sequence([group])
    return written(dataset)


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_a_waveform_is_drawn_as_dark_curves_on_light_paper(size: int) -> None:
    picture = draw_picture(ecg(), PictureRequest(size=size))
    assert picture.placeholder
    image = opened(picture.jpeg)
    assert image.size == (size, size * 3 // 4)
    shades = np.asarray(image.convert("L"))
    assert shades.mean() > 180
    assert shades.min() < 150


@pytest.mark.parametrize(
    "broken",
    [{"NumberOfWaveformChannels": 0}, {"NumberOfWaveformChannels": 60000}, {"WaveformSampleInterpretation": "MB"}],
)
def test_a_waveform_that_cannot_be_read_has_a_symbol(broken: dict[str, object]) -> None:
    picture = draw_picture(ecg(**broken), PictureRequest())
    assert opened(picture.jpeg).size == (256, 256)


def test_asking_for_a_picture_imports_nothing_heavy() -> None:
    code = "import sys; import dicom_service.exams.pictures.request; print(sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "layers" / "dicom_service")},
    )
    assert not {"pydicom", "numpy", "PIL", "imagecodecs"} & set(ast.literal_eval(run.stdout))
