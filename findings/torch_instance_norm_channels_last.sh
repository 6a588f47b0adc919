#!/usr/bin/env bash
# torch 2.14.1 (CPU): the gradient of InstanceNorm2d for ONE image is wrong, without a word, where it comes in
# channels-last order. With two images, or a contiguous gradient, it is right; so is batch norm, which is the same
# function of one image. A convolution with channels-last weights hands its gradient back in that order, so that a
# CycleGAN (batch 1) in channels-last form learns from wrong gradients: its first loss is right, the second is not.
#
# Seen (relative error of the input's gradient against float64; a fresh process, one thread):
#   torch 2.14.1: 1 image, contiguous 6e-08; 1 image, channels-last 1.4; 2 images, channels-last 6e-08
#   a convolution after the norm, all in channels-last: 1 image 1.4, 2 images 6e-08
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.14.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn

last = torch.channels_last


def error(got, right):
    return ((got.double() - right).norm() / right.norm()).item()


def through_norm(images, memory_format):
    torch.manual_seed(0)
    x, gradient = torch.randn(2, images, 8, 16, 16)
    exact = x.double().requires_grad_()
    nn.InstanceNorm2d(8)(exact).backward(gradient.double())
    ours = x.clone().requires_grad_()
    nn.InstanceNorm2d(8)(ours).backward(gradient.contiguous(memory_format=memory_format))
    return error(ours.grad, exact.grad)


def through_net(images):
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.InstanceNorm2d(8), nn.Conv2d(8, 4, 3)), torch.randn(images, 8, 16, 16)
    exact = x.double().requires_grad_()
    net.double()(exact).square().sum().backward()
    ours = x.clone().requires_grad_()
    net.float().to(memory_format=last)(ours).square().sum().backward()
    return error(ours.grad, exact.grad)


seen = {
    "1 image, contiguous gradient": through_norm(1, torch.contiguous_format),
    "1 image, channels-last gradient": through_norm(1, last),
    "2 images, channels-last gradient": through_norm(2, last),
    "1 image, before a channels-last convolution": through_net(1),
    "2 images, before a channels-last convolution": through_net(2),
}
print("torch", torch.__version__)
for name, value in seen.items():
    print(f"{name}: relative error {value:.1e}")
wrong = [name for name, value in seen.items() if value > 0.5]
right = [name for name, value in seen.items() if value < 1e-4]
assert wrong == [name for name in seen if name.startswith("1 image") and "channels-last" in name], wrong
assert len(wrong) + len(right) == len(seen)
PYTHON
