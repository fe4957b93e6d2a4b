import Base
import Files
import NumPy

/// A value on the unpickler's stack. Containers lie in a `PickleHeap` and are referred to by index: they can be
/// filled after they have been referred to, cycles leak nothing, and however deep a pickle nests, freeing it does
/// not recurse.
enum PickleValue: Sendable, Equatable {
    case none
    case bool(Bool)
    case int(Int)
    case string(String)
    case sequence(Int)
    case dictionary(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)
    /// What a class makes that is not understood here. Tensors may be in it.
    case object(Int)
    /// Where in the pickle bytes lie; text of Python 2 that is not UTF-8 is such bytes.
    case bytes(Range<Int>)
    /// Plain data that nothing here depends on: floating-point numbers, sets.
    case other
}

/// A storage that a pickle refers to.
struct PickledStorage: Sendable, Equatable {
    /// Names the bytes in the archive.
    let key: String
    /// Nil for an untyped storage, whose elements are bytes.
    let elementType: ElementType?
    /// Elements in the whole storage.
    let elementCount: Int
    /// The part of it that is meant; legacy files have views of storages.
    let view: Range<Int>

    /// - Throws: `VitvideoError` where the size in bytes does not fit an `Int`.
    func byteCount() throws -> Int {
        let (bytes, overflow) = elementCount.multipliedReportingOverflow(by: elementType?.byteCount ?? 1)
        guard !overflow else { throw VitvideoError.badData("storage \(quoted(key)) is too large") }
        return bytes
    }
}

/// A tensor that a pickle has put together.
struct PickledTensor: Sendable, Equatable {
    let storage: Int
    let description: TensorDescription
    /// In elements from the beginning of the storage's view; known to lie within it.
    let layout: StridedLayout
}

/// An object that is no container and no tensor: what it was made of. Where its class is not understood, that is unused
/// but for the tensors in it.
struct PickledObject: Sendable {
    /// What made it.
    var function: PickleGlobal = .opaque
    var arguments: [PickleValue] = []
    /// Of a list.
    var items: [PickleValue] = []
    /// Of a dictionary.
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    /// Its attributes.
    var state: PickleValue?
}

/// What a pickle has built.
struct PickleHeap: Sendable {
    /// Tuples and lists.
    var sequences: [[PickleValue]] = []
    /// Keys and values in the order they were set; the last of equal keys counts.
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var objects: [PickledObject] = []
    var storages: [PickledStorage] = []
    var tensors: [PickledTensor] = []

    mutating func sequence(_ items: [PickleValue]) -> PickleValue {
        sequences.append(items)
        return .sequence(sequences.count - 1)
    }

    mutating func dictionary(_ pairs: [(key: PickleValue, value: PickleValue)] = []) -> PickleValue {
        dictionaries.append(pairs)
        return .dictionary(dictionaries.count - 1)
    }

    mutating func object(_ arguments: [PickleValue] = [], of function: PickleGlobal = .opaque) -> PickleValue
    {
        objects.append(PickledObject(function: function, arguments: arguments))
        return .object(objects.count - 1)
    }

    /// The items of a tuple or list; nil for other values.
    func items(_ value: PickleValue) -> [PickleValue]? {
        if case .sequence(let index) = value { sequences[index] } else { nil }
    }

    /// A tuple or list of integers.
    /// - Throws: `VitvideoError` for other values.
    func integers(_ value: PickleValue) throws -> [Int] {
        guard let items = items(value), items.count <= TensorDescription.largestRank else {
            throw VitvideoError.badData("a tensor in its pickle has a malformed size or stride")
        }
        return try items.map {
            guard case .int(let integer) = $0 else {
                throw VitvideoError.badData("a tensor in its pickle has a malformed size or stride")
            }
            return integer
        }
    }
}
