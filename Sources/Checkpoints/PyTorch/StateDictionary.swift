import Base
import Files

/// The dictionary of tensors within what a PyTorch file holds.
struct StateDictionary {
    /// Names and what is under them, in the file's order.
    let tensors: [(name: String, tensor: PickledTensor)]
    /// The dictionary's key in a training checkpoint; nil at the top.
    let key: String?

    /// Where weights lie in the checkpoints of DINO (teacher before student), DeiT, timm and Lightning.
    private static let usualKeys = ["teacher", "model", "state_dict", "student", "module", "model_ema"]
    /// Levels of dictionaries within the chosen one. State dictionaries are flat; a few files nest once or twice.
    private static let largestDepth = 8
    /// Bytes of a name. Bounds what nesting can multiply a long key to.
    private static let longestName = 1024

    /// - Throws: `VitvideoError` where there is no dictionary of tensors, or none under `key`.
    init(_ value: PickleValue, _ heap: PickleHeap, key: String?) throws {
        guard case .dictionary(let top) = value else {
            throw VitvideoError.badData("it holds no dictionary", nextStep: "save the model's state_dict()")
        }
        if let key {
            guard let chosen = Self.member(top, key, heap), case .dictionary(let dictionary) = chosen else {
                throw VitvideoError.badData("it has no dictionary \(quoted(key)); \(Self.listing(top, heap))")
            }
            tensors = try Self.flattened(dictionary, heap)
            self.key = key
        } else {
            var chosen: (tensors: [(name: String, tensor: PickledTensor)], key: String?) = ([], nil)
            for key in Self.usualKeys {
                guard case .dictionary(let dictionary)? = Self.member(top, key, heap) else { continue }
                chosen = (try Self.flattened(dictionary, heap), key)
                if !chosen.tensors.isEmpty { break }
            }
            if chosen.tensors.isEmpty { chosen = (try Self.flattened(top, heap), nil) }
            (tensors, self.key) = chosen
        }
        guard !tensors.isEmpty else {
            throw VitvideoError.badData("it holds no tensors; \(Self.listing(top, heap))")
        }
    }

    private static func member(_ dictionary: Int, _ key: String, _ heap: PickleHeap) -> PickleValue? {
        heap.dictionaries[dictionary].last { $0.key == .string(key) }?.value
    }

    /// "its keys are …" for an error message.
    private static func listing(_ dictionary: Int, _ heap: PickleHeap) -> String {
        let keys = heap.dictionaries[dictionary].prefix(16).compactMap { pair in
            if case .string(let key) = pair.key { quoted(key) } else { nil }
        }
        let more = heap.dictionaries[dictionary].count > 16 ? ", …" : ""
        return keys.isEmpty ? "it has no keys" : "its keys are \(keys.joined(separator: ", "))\(more)"
    }

    /// The tensors of a dictionary and of those within it, names joined by dots. Values of other kinds are passed
    /// over.
    private static func flattened(
        _ dictionary: Int, _ heap: PickleHeap
    ) throws -> [(name: String, tensor: PickledTensor)] {
        var names: [String] = []
        var tensors: [String: PickledTensor] = [:]
        var visited: Set<Int> = []

        func visit(_ dictionary: Int, prefix: String, depth: Int) throws {
            guard depth < largestDepth, visited.insert(dictionary).inserted else {
                throw VitvideoError.badData("its dictionaries refer to each other or are nested too deep")
            }
            for (key, value) in heap.dictionaries[dictionary] {
                let part: String
                switch key {
                case .string(let text): part = text
                case .int(let number): part = String(number)
                default: continue
                }
                switch value {
                case .tensor(let index):
                    let name = try joined(prefix, part)
                    if tensors.updateValue(heap.tensors[index], forKey: name) == nil { names.append(name) }
                case .dictionary(let inner):
                    try visit(inner, prefix: try joined(prefix, part) + ".", depth: depth + 1)
                default: break
                }
            }
        }
        try visit(dictionary, prefix: "", depth: 0)
        return names.compactMap { name in tensors[name].map { (name, $0) } }
    }

    private static func joined(_ prefix: String, _ part: String) throws -> String {
        guard prefix.utf8.count + part.utf8.count <= longestName else {
            throw VitvideoError.badData("a name in it is longer than \(longestName) bytes")
        }
        return prefix + part
    }
}
