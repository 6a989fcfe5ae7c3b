"""The two headers that TVM's CUDA source includes and NVRTC 11.8 lacks, passed to NVRTC in memory.

Written after the C++ standard, with only the names that TVM's generated code uses.
"""

CSTDINT = """\
#pragma once
namespace cuda { namespace std {
using int8_t = signed char;
using int16_t = short;
using int32_t = int;
using int64_t = long long;
using uint8_t = unsigned char;
using uint16_t = unsigned short;
using uint32_t = unsigned int;
using uint64_t = unsigned long long;
} }
"""

TYPE_TRAITS = """\
#pragma once
namespace cuda { namespace std {
template <bool Value> struct bool_constant { static constexpr bool value = Value; };
template <class A, class B> struct is_same : bool_constant<false> {};
template <class A> struct is_same<A, A> : bool_constant<true> {};
template <class A, class B> constexpr bool is_same_v = is_same<A, B>::value;
template <bool Test, class T = void> struct enable_if {};
template <class T> struct enable_if<true, T> { using type = T; };
template <bool Test, class Then, class Else> struct conditional { using type = Then; };
template <class Then, class Else> struct conditional<false, Then, Else> { using type = Else; };
template <class T> struct is_floating_point : bool_constant<is_same_v<T, float> || is_same_v<T, double>> {};
template <class T> struct is_integral : bool_constant<T(1) / T(2) == T(0)> {};
template <class T> struct is_signed : bool_constant<(T(-1) < T(0))> {};
template <class T> struct is_unsigned : bool_constant<!(T(-1) < T(0))> {};
} }
"""

HEADERS = {"cuda/std/cstdint": CSTDINT, "cuda/std/type_traits": TYPE_TRAITS}
"""Header text by the name in #include."""
