import Base
import Checkpoints
import Files
import Glibc

/// The names of a classifier's classes.
package struct ClassLabels: Sendable, Equatable {
    /// One name a class, as in the file: often several words for one thing, separated by commas.
    package let names: [String]
    /// How logits become probabilities.
    private let probability: TextClassifier.Probability
    /// Whether the names are texts, in which a comma separates nothing.
    private let areTexts: Bool

    package init(names: [String]) {
        self.names = names
        (probability, areTexts) = (.softmax, false)
    }

    /// Of classes that are texts.
    package init(texts: [String], probability: TextClassifier.Probability) {
        names = texts
        self.probability = probability
        areTexts = true
    }

    /// Reads a text file with one name a line; empty lines at the end do not count.
    ///
    /// - Parameter count: how many names there must be; nil for any number.
    /// - Throws: `VitvideoError.labelsDoNotFit`, also where the file cannot be read.
    package init(contentsOf path: String, count: Int? = nil) throws {
        guard let bytes = FileSystem.contents(of: path) else {
            throw VitvideoError.labelsDoNotFit(path: path, problem: "cannot be read")
        }
        guard let text = String(validating: bytes, as: UTF8.self), !text.contains("\0") else {
            throw VitvideoError.labelsDoNotFit(path: path, problem: "is not a text file")
        }
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map {
            $0.trimmed
        }
        while lines.last == "" { lines.removeLast() }
        guard !lines.isEmpty else { throw VitvideoError.labelsDoNotFit(path: path, problem: "is empty") }
        if let count, lines.count != count {
            throw VitvideoError.labelsDoNotFit(path: path, problem: "has \(lines.count) names, not \(count)")
        }
        self.init(names: lines)
    }

    /// A class's first name, for a caption: "great_white_shark, white_shark" gives "great white shark". An
    /// index beyond the list gives "class 1000".
    package func shortName(_ index: Int) -> String {
        guard names.indices.contains(index) else { return "class \(index)" }
        if areTexts { return oneLine(names[index]) }
        return String(names[index].prefix { $0 != "," }).replacing("_", with: " ")
    }

    /// The classes that have this name. Capitals do not matter, nor do underscores in place of spaces.
    package func indices(named name: String) -> [Int] {
        let wanted = Self.folded(name)
        return names.indices.filter { index in
            if areTexts { return Self.folded(names[index]) == wanted }
            return names[index].split(separator: ",").contains { Self.folded($0) == wanted }
        }
    }

    /// The classes with this text in one of their names.
    package func indices(containing text: String) -> [Int] {
        let wanted = Self.folded(text)
        return names.indices.filter { Self.folded(names[$0]).contains(wanted) }
    }

    private static func folded(_ name: some StringProtocol) -> String {
        name.lowercased().replacing("_", with: " ").trimmed
    }

    /// A class and its probability.
    package struct Ranked: Sendable, Equatable {
        package let index: Int
        package let name: String
        /// Softmax over all classes; of SigLIP's texts the sigmoid of each.
        package let probability: Float
    }

    /// The most probable classes, in descending order; of equals the lower index first.
    package func top(_ count: Int, of logits: [Float]) -> [Ranked] {
        let probability = self.probability.ofEach(logits)
        return logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count).map {
            Ranked(index: $0, name: shortName($0), probability: probability(logits[$0]))
        }
    }
}

/// The probabilities of all classes.
package struct Softmax: Sendable {
    private let largest: Float
    private let sum: Float

    package init(_ logits: some Collection<Float>) {
        let largest = logits.max() ?? 0
        self.largest = largest
        sum = logits.reduce(Float(0)) { $0 + exp($1 - largest) }
    }

    /// - Parameter logit: one of those it was made of.
    package func callAsFunction(_ logit: Float) -> Float { exp(logit - largest) / sum }
}

extension TextClassifier.Probability {
    /// - Parameter logits: all.
    /// - Returns: the probability of one of them.
    fileprivate func ofEach(_ logits: [Float]) -> (Float) -> Float {
        switch self {
        case .softmax: return Softmax(logits).callAsFunction
        case .sigmoid: return { 1 / (1 + exp(-$0)) }
        }
    }
}

extension Checkpoint {
    /// The names of the classes that the file itself holds, as `vitvideo train` writes them; empty where it holds none.
    package var classNames: [String] {
        guard let text = metadata["class_names"], let list = try? JSONValue(Array(text.utf8)).array else {
            return []
        }
        let names = list.compactMap(\.string)
        return names.count == list.count ? names : []
    }
}
