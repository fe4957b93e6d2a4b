import Base
import Checkpoints
import Files
import NumPy
import ViT

/// The tensors of a checkpoint under the model's own names, and what the files beside it say of the model.
package struct GraphWeights: Sendable {
    package let checkpoint: Checkpoint
    /// What stands before every name in the file, such as `module.`.
    private let prefix: String
    /// The published model that it is a variant of, as timm calls it; nil where nothing says so.
    package let architecture: String?
    /// Arguments of that model's constructor that differ.
    private let arguments: JSONValue?
    /// What timm says of the model besides: its classes, its pooling.
    private let settings: JSONValue?

    /// - Parameter sign: a part of a tensor's name that only this family has, from the beginning of the model's own name.
    /// - Throws: `VitvideoError` where `config.json` beside it is damaged.
    package init(_ checkpoint: Checkpoint, sign: String) throws {
        self.checkpoint = checkpoint
        let named = checkpoint.names.first { $0.contains(sign) }
        prefix =
            named.flatMap { name in name.firstRange(of: sign).map { String(name[..<$0.lowerBound]) } } ?? ""
        let file = checkpoint.path.parentPath + "/config.json"
        let object = FileSystem.exists(file) ? try JSONValue(contentsOf: file, limit: 16 << 20) : nil
        architecture = object?["architecture"]?.string
        (arguments, settings) = (object?["model_args"], object)
    }

    package func has(_ name: String) -> Bool { checkpoint[prefix + name] != nil }

    /// Whether a layer of that name has any tensor.
    func hasLayer(_ name: String) -> Bool {
        checkpoint.names.contains { $0.hasPrefix("\(prefix)\(name).") }
    }

    /// Whether any tensor's name ends so: what one of many equal layers has, all have.
    func hasAny(endingIn ending: String) -> Bool { checkpoint.names.contains { $0.hasSuffix(ending) } }

    /// A tensor's sizes; nil where there is none of that name.
    package func sizes(_ name: String) -> [Int]? { checkpoint[prefix + name]?.shape }

    /// - Throws: `VitvideoError.weightsDoNotFit` where there is none of that name.
    package func sizes(of name: String) throws -> [Int] {
        guard let sizes = sizes(name) else { throw missing(name) }
        return sizes
    }

    /// A tensor's values.
    ///
    /// - Throws: `VitvideoError` where there is none of that name, or it is damaged.
    package func floats(_ name: String) throws -> [Float] {
        guard has(name) else { throw missing(name) }
        return try checkpoint.floats(prefix + name)
    }

    private func missing(_ name: String) -> VitvideoError {
        VitvideoError(
            .badData, cannot: "use", path: checkpoint.path,
            reason: "there is no tensor \(quoted(prefix + name))",
            nextStep: .advice("it is another model's, or not all of one"))
    }

    /// How many of a numbered list there are: of `layers.3.` where the names begin so, 4.
    package func count(_ list: String) -> Int {
        var count = 0
        while checkpoint.names.contains(where: { $0.hasPrefix("\(prefix)\(list).\(count).") }) { count += 1 }
        return count
    }

    // MARK: What the constructor was told

    func argument(_ name: String) -> JSONValue? { arguments?[name] ?? settings?[name] }

    /// An argument that is one number for each of `count` stages; nil where it is not told, or is something else.
    func integers(_ argument: String, count: Int) -> [Int]? {
        guard let told = arguments?[argument]?.array?.compactMap(\.integer), told.count == count else {
            return nil
        }
        return told
    }

    /// An argument that is rows and columns, or one number for both.
    func pair(_ argument: String) -> (rows: Int, columns: Int)? { arguments?[argument]?.rowsAndColumns }
}

extension JSONValue {
    /// Two numbers, or one that is meant for both.
    var rowsAndColumns: (rows: Int, columns: Int)? {
        if let both = integer { return (both, both) }
        guard let two = array?.compactMap(\.integer), two.count == 2, array?.count == 2 else { return nil }
        return (two[0], two[1])
    }
}
