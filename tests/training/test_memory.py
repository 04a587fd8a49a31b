"""A lack of memory is told apart from every other error, whoever ran out of it."""

from __future__ import annotations

import pytest
import torch

from nas_scale.training.memory import is_lack_of_memory

ADVICE = (
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
SEARCH = (
    "Search for `{}' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more information.\n"
)
CONVOLUTION = (
    "\nYou can try to repro this exception using the following code snippet. If that doesn't trigger the error, please "
    "include your original repro script when reporting this issue.\n\nimport torch\n"
    "torch.backends.cudnn.benchmark = True\n"
    "data = torch.randn([512, 96, 48, 48], dtype=torch.bfloat16, device='cuda', requires_grad=True)\n"
)
GEMM = (
    "`cublasGemmEx( handle, opa, opb, m, n, k, &falpha, a, CUDA_R_16BF, lda, b, CUDA_R_16BF, ldb, &fbeta, c, "
    "CUDA_R_16BF, ldc, compute_type, CUBLAS_GEMM_DEFAULT_TENSOR_OP)`"
)
LACKING = {
    "cpu": "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
    "allocate 137438953472 bytes. Error code 12 (Cannot allocate memory)",
    "cuda": f"CUDA error: out of memory\n{SEARCH.format('cudaErrorMemoryAllocation')}{ADVICE}",
    "cudnn": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cudnn-9": f"cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED{CONVOLUTION}",
    "cublas": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
}
OTHERS = {
    "cudnn": f"cuDNN error: CUDNN_STATUS_EXECUTION_FAILED{CONVOLUTION}",
    "cublas": f"CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling {GEMM}",
    "cuda": f"CUDA error: an illegal memory access was encountered\n{SEARCH.format('cudaErrorIllegalAddress')}{ADVICE}",
    "capture": f"CUDA error: operation not permitted when stream is capturing\n{ADVICE}",
    "shapes": "mat1 and mat2 shapes cannot be multiplied (32x1280 and 640x10)",
}
# torch's own class for what CUDA reports, in newer versions of it
ACCELERATOR_ERROR: type[RuntimeError] = getattr(torch, "AcceleratorError", RuntimeError)


@pytest.mark.parametrize("error", [RuntimeError, ACCELERATOR_ERROR])
@pytest.mark.parametrize("name", LACKING)
def test_what_says_that_memory_ran_out_is_a_lack_of_it(name: str, error: type[RuntimeError]) -> None:
    assert is_lack_of_memory(error(LACKING[name]))


@pytest.mark.parametrize("error", [RuntimeError, ACCELERATOR_ERROR])
@pytest.mark.parametrize("name", OTHERS)
def test_other_errors_are_not(name: str, error: type[RuntimeError]) -> None:
    assert not is_lack_of_memory(error(OTHERS[name]))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_errors_that_are_nothing_else_need_no_text(error: type[Exception]) -> None:
    assert is_lack_of_memory(error())


def test_the_words_in_an_error_of_another_kind_mean_nothing() -> None:
    assert not is_lack_of_memory(ValueError(LACKING["cuda"]))
