import Base
import Files

/// All tensors of what a PyTorch file holds, at whatever depth, named by the keys on the way to them, which are
/// joined by dots: `teacher.backbone.cls_token`.
///
/// Values of other kinds are passed over. A module that was saved whole is its parameters and those of its
/// modules under the names that `state_dict()` would give them.
struct TensorTree {
    /// Names and what is under them, in the file's order.
    private(set) var tensors: [(name: String, tensor: PickledTensor)] = []

    private let heap: PickleHeap
    private var indices: [String: Int] = [:]
    /// Containers on the way to the one that is visited, so that cycles end.
    private var path: Set<Int> = []
    private var visits = 0

    /// Levels of containers; a module takes two for each level of modules.
    private static let largestDepth = 64
    /// Bounds what the memo can multiply a few dictionaries to.
    private static let largestVisitCount = 1_000_000
    /// Bytes of a name. Bounds what nesting can multiply a long key to.
    private static let longestName = 1024
    /// Members of a module that `state_dict()` looks through.
    private static let moduleMembers: Set = ["_modules", "_parameters", "_buffers"]

    /// - Throws: `VitvideoError` where there is no tensor, and for containers that refer to each other too often.
    init(_ value: PickleValue, _ heap: PickleHeap) throws {
        self.heap = heap
        try visit(value, name: "", depth: 0)
        guard !tensors.isEmpty else {
            throw VitvideoError.badData(
                "it holds no tensors; \(Self.listing(value, heap))", nextStep: "save the model's state_dict()"
            )
        }
    }

    private mutating func visit(_ value: PickleValue, name: String, depth: Int) throws {
        visits += 1
        guard visits <= Self.largestVisitCount else {
            throw VitvideoError.badData("its dictionaries refer to each other or are nested too deep")
        }
        switch value {
        case .tensor(let index): add(heap.tensors[index], name: name)
        case .dictionary(let index):
            try enter(3 * index, depth) { tree in
                for (key, value) in tree.heap.dictionaries[index] {
                    try tree.visit(key: key, value, within: name, depth: depth)
                }
            }
        case .sequence(let index):
            try enter(3 * index + 1, depth) { tree in
                for (position, value) in tree.heap.sequences[index].enumerated() where value.isContainer {
                    try tree.visit(key: .int(position), value, within: name, depth: depth)
                }
            }
        case .object(let index):
            try enter(3 * index + 2, depth) { try $0.visit(object: index, name: name, depth: depth) }
        default: break
        }
    }

    private mutating func enter(
        _ container: Int, _ depth: Int, _ body: (inout TensorTree) throws -> Void
    ) throws {
        guard depth < Self.largestDepth, path.insert(container).inserted else { return }
        try body(&self)
        path.remove(container)
    }

    private mutating func visit(
        key: PickleValue, _ value: PickleValue, within name: String, depth: Int
    ) throws {
        let part: String
        switch key {
        case .string(let text): part = text
        case .int(let number): part = String(number)
        default: return
        }
        guard value.isContainer, name.utf8.count + part.utf8.count < Self.longestName else { return }
        try visit(value, name: name.isEmpty ? part : "\(name).\(part)", depth: depth + 1)
    }

    /// What an object holds counts as lying where the object lies.
    private mutating func visit(object index: Int, name: String, depth: Int) throws {
        let object = heap.objects[index]
        for (key, value) in object.pairs { try visit(key: key, value, within: name, depth: depth) }
        for value in object.arguments + object.items where value.isContainer {
            try visit(value, name: name, depth: depth + 1)
        }
        var states = object.state.map { [$0] } ?? []
        // Attributes, and those in slots beside them.
        if let state = object.state, let parts = heap.items(state) { states = parts }
        for case .dictionary(let state) in states {
            for (key, value) in heap.dictionaries[state] {
                if case .string(let text) = key, Self.moduleMembers.contains(text) {
                    try visit(value, name: name, depth: depth + 1)
                } else {
                    try visit(key: key, value, within: name, depth: depth)
                }
            }
        }
    }

    /// Of equal names the last counts, as in a dictionary.
    private mutating func add(_ tensor: PickledTensor, name: String) {
        if let index = indices[name] {
            tensors[index].tensor = tensor
        } else {
            indices[name] = tensors.count
            tensors.append((name, tensor))
        }
    }

    /// "its keys are …" for an error message.
    private static func listing(_ value: PickleValue, _ heap: PickleHeap) -> String {
        guard case .dictionary(let dictionary) = value else { return "it is no dictionary" }
        let keys = heap.dictionaries[dictionary].prefix(16).compactMap { pair in
            if case .string(let key) = pair.key { quoted(key) } else { nil }
        }
        let more = heap.dictionaries[dictionary].count > 16 ? ", …" : ""
        return keys.isEmpty ? "it has no keys" : "its keys are \(keys.joined(separator: ", "))\(more)"
    }
}

extension PickleValue {
    /// Whether there may be tensors in it.
    fileprivate var isContainer: Bool {
        switch self {
        case .tensor, .dictionary, .sequence, .object: true
        default: false
        }
    }
}
