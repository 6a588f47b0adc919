"""The 11 scored classes of CamVid (Brostow et al. 2009), as SegNet's tutorial groups and colours them."""

from __future__ import annotations

from typing import Any

_CAMVID = [
    ("sky", (128, 128, 128)),
    ("building", (128, 0, 0)),
    ("pole", (192, 192, 128)),
    ("road", (128, 64, 128)),
    ("pavement", (60, 40, 222)),
    ("tree", (128, 128, 0)),
    ("sign", (192, 128, 128)),
    ("fence", (64, 64, 128)),
    ("car", (64, 0, 128)),
    ("pedestrian", (64, 64, 0)),
    ("bicyclist", (0, 128, 192)),
]

CAMVID: list[dict[str, Any]] = [
    {"id": i, "name": name, "train_id": i, "colour": list(rgb)} for i, (name, rgb) in enumerate(_CAMVID)
] + [{"id": 11, "name": "unlabelled", "train_id": 255, "colour": [0, 0, 0]}]

_MEMBERS = {
    "sky": "Sky",
    "building": "Archway Bridge Building Tunnel Wall",
    "pole": "Column_Pole TrafficCone",
    "road": "LaneMkgsDriv LaneMkgsNonDriv Road",
    "pavement": "ParkingBlock RoadShoulder Sidewalk",
    "tree": "Tree VegetationMisc",
    "sign": "Misc_Text SignSymbol TrafficLight",
    "fence": "Fence",
    "car": "Car OtherMoving SUVPickupTruck Train Truck_Bus",
    "pedestrian": "Animal CartLuggagePram Child Pedestrian",
    "bicyclist": "Bicyclist MotorcycleScooter",
    "unlabelled": "Void",
}
GROUPS: dict[str, str] = {code: name for name, codes in _MEMBERS.items() for code in codes.split()}
"""CamVid's own 32 classes -> the class of CAMVID that each is counted as."""
