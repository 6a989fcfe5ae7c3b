/* C interface of libdlr: the functions that the dlr 1.10 client calls, and a few more of the same family.
 *
 * Each gives back 0, or -1 and then DLRGetLastError() has the text (ASCII, of this thread). A handle is not to be used
 * by two threads at once: all of its runs share one arena. SPDX-License-Identifier: Apache-2.0
 * Source: the Python client, dlr 1.10.0 (PyPI), which calls these through ctypes. */
#ifndef DLR_H_
#define DLR_H_
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef _WIN32
#define DLR_DLL __declspec(dllexport)
#else
#define DLR_DLL __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
extern "C" {
#endif
typedef void* DLRModelHandle;
DLR_DLL int CreateDLRModel(DLRModelHandle* handle, const char* model_path, int dev_type, int dev_id);
DLR_DLL int DeleteDLRModel(DLRModelHandle* handle);
DLR_DLL int RunDLRModel(DLRModelHandle* handle);
DLR_DLL int GetDLRNumInputs(DLRModelHandle* handle, int* num_inputs);
DLR_DLL int GetDLRNumWeights(DLRModelHandle* handle, int* num_weights);
DLR_DLL int GetDLRNumOutputs(DLRModelHandle* handle, int* num_outputs);
DLR_DLL int GetDLRInputName(DLRModelHandle* handle, int index, const char** name);
DLR_DLL int GetDLRWeightName(DLRModelHandle* handle, int index, const char** name);
DLR_DLL int GetDLROutputName(DLRModelHandle* handle, int index, const char** name);
DLR_DLL int GetDLROutputIndex(DLRModelHandle* handle, const char* name, int* index);
DLR_DLL int GetDLRInputType(DLRModelHandle* handle, int index, const char** type);
DLR_DLL int GetDLROutputType(DLRModelHandle* handle, int index, const char** type);
DLR_DLL int GetDLRInputSizeDim(DLRModelHandle* handle, int index, int64_t* size, int* dim);
DLR_DLL int GetDLRInputShape(DLRModelHandle* handle, int index, int64_t* shape);
DLR_DLL int GetDLROutputSizeDim(DLRModelHandle* handle, int index, int64_t* size, int* dim);
DLR_DLL int GetDLROutputShape(DLRModelHandle* handle, int index, int64_t* shape);
DLR_DLL int SetDLRInput(DLRModelHandle* handle, const char* name, const int64_t* shape, const void* data, int dim);
DLR_DLL int GetDLRInput(DLRModelHandle* handle, const char* name, void* data);
DLR_DLL int GetDLROutput(DLRModelHandle* handle, int index, void* data);
DLR_DLL int GetDLROutputPtr(DLRModelHandle* handle, int index, const void** data);
DLR_DLL int GetDLRHasMetadata(DLRModelHandle* handle, bool* has_metadata);
DLR_DLL int GetDLRBackend(DLRModelHandle* handle, const char** name);
DLR_DLL int GetDLRDeviceType(const char* model_path);
DLR_DLL int GetDLRVersion(const char** version);
DLR_DLL int SetDLRNumThreads(DLRModelHandle* handle, int threads);
DLR_DLL const char* DLRGetLastError(void);
/* "neo-emulator libdlr VERSION, Apache-2.0, sources HASH" */
DLR_DLL const char* NeoEmulatorLibdlr(void);
#ifdef __cplusplus
}
#endif
#endif
