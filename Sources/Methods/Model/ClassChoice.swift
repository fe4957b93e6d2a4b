import Base
import ViT

/// The class that a gradient is taken of.
package enum ClassChoice: Sendable, Hashable {
    /// In each frame the one that the classifier puts first.
    case top
    case index(Int)
    case name(String)

    /// Reads `top`, a class's number or its name.
    package init(_ text: String) {
        self = text.lowercased() == "top" ? .top : Int(text).map(ClassChoice.index) ?? .name(text)
    }

    /// The class's index; nil for `top`.
    ///
    /// - Parameter labels: the classes' names, for `name`.
    /// - Throws: `VitvideoError` of kind `usage` for a class that there is not, and for a name that several have.
    package func index(among labels: ClassLabels, classes: Int) throws -> Int? {
        switch self {
        case .top:
            return nil
        case .index(let index):
            guard (0..<classes).contains(index) else {
                throw VitvideoError.noSuchClass(index, classes: classes)
            }
            return index
        case .name(let name):
            let found = labels.indices(named: name).filter { $0 < classes }
            if found.count == 1 { return found[0] }
            if found.isEmpty {
                let near = labels.indices(containing: name).prefix(5).map {
                    "'\(labels.shortName($0))' (\($0))"
                }
                throw VitvideoError(
                    .usage,
                    reason: "no class is called '\(name)'"
                        + (near.isEmpty
                            ? "; give a name of the list, or a class's number"
                            : "; there are " + near.joined(separator: ", ")))
            }
            throw VitvideoError(
                .usage,
                reason: "several classes are called '\(name)': give one of the numbers "
                    + found.map(String.init).joined(separator: ", "))
        }
    }
}
