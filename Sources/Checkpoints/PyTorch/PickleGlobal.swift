import NumPy

/// The functions and classes that a pickle names. Those that make up tensors and arrays are understood here; what any other
/// one would make is passed over as data that nothing is known of. None is ever looked up, imported or called.
enum PickleGlobal: Sendable, Equatable {
    /// `collections.OrderedDict`
    case orderedDictionary
    /// `torch._utils._rebuild_tensor_v2` and its forerunner: (storage, offset, size, stride, …)
    case rebuildTensor
    /// `torch._utils._rebuild_tensor_v3`, whose storage is bytes: (storage, offset, size, stride, _, _, dtype, …)
    case rebuildTypedTensor
    /// `torch._tensor._rebuild_from_type_v2`, of subclasses of tensors: (function, class, arguments, state)
    case rebuildSubclass
    /// `torch._utils._rebuild_parameter`, also `…_with_state`: (tensor, …)
    case rebuildParameter
    /// `torch.FloatStorage` and the like
    case storage(ElementType)
    /// `torch.storage.UntypedStorage`, counted in bytes
    case untypedStorage
    /// `torch.float32` and the like
    case type(ElementType)
    /// `torch.Size`, a tuple
    case size
    /// NumPy's `_reconstruct`, whose object's state is (version, shape, type, Fortran order, data)
    case rebuildArray
    /// NumPy's `_frombuffer` of protocol 5: (data, type, shape, order)
    case arrayFromBuffer
    /// `numpy.dtype`: (`u1`, …), the byte order in the object's state
    case arrayType
    /// `_codecs.encode`, by which Python 3 writes bytes in protocol 2: (text, `latin1`)
    case encode
    /// Any other.
    case opaque

    init(module: String, name: String) { self = Self.understood["\(module).\(name)"] ?? .opaque }

    private static let understood: [String: PickleGlobal] = [
        "collections.OrderedDict": .orderedDictionary,
        "torch._utils._rebuild_tensor": .rebuildTensor,
        "torch._utils._rebuild_tensor_v2": .rebuildTensor,
        "torch._utils._rebuild_tensor_v3": .rebuildTypedTensor,
        "torch._tensor._rebuild_from_type_v2": .rebuildSubclass,
        "torch._utils._rebuild_parameter": .rebuildParameter,
        "torch._utils._rebuild_parameter_with_state": .rebuildParameter,
        "torch.DoubleStorage": .storage(.float64),
        "torch.FloatStorage": .storage(.float32),
        "torch.HalfStorage": .storage(.float16),
        "torch.BFloat16Storage": .storage(.bfloat16),
        "torch.LongStorage": .storage(.int64),
        "torch.IntStorage": .storage(.int32),
        "torch.ShortStorage": .storage(.int16),
        "torch.CharStorage": .storage(.int8),
        "torch.ByteStorage": .storage(.uint8),
        "torch.BoolStorage": .storage(.bool),
        "torch.UntypedStorage": .untypedStorage,
        "torch.storage.UntypedStorage": .untypedStorage,
        "torch.float64": .type(.float64),
        "torch.float32": .type(.float32),
        "torch.float16": .type(.float16),
        "torch.bfloat16": .type(.bfloat16),
        "torch.int64": .type(.int64),
        "torch.int32": .type(.int32),
        "torch.int16": .type(.int16),
        "torch.int8": .type(.int8),
        "torch.uint64": .type(.uint64),
        "torch.uint32": .type(.uint32),
        "torch.uint16": .type(.uint16),
        "torch.uint8": .type(.uint8),
        "torch.bool": .type(.bool),
        "torch.Size": .size,
        "numpy.core.multiarray._reconstruct": .rebuildArray,
        "numpy._core.multiarray._reconstruct": .rebuildArray,
        "numpy.core.numeric._frombuffer": .arrayFromBuffer,
        "numpy._core.numeric._frombuffer": .arrayFromBuffer,
        "numpy.dtype": .arrayType,
        "_codecs.encode": .encode,
    ]
}
