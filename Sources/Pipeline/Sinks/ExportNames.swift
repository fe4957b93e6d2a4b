import Base
import Methods

/// What the arrays and dimensions of a source are called in an export.
struct ExportNames {
    /// The model's name behind all but "frame", where there are several.
    private let suffix: String
    /// Names that dimensions do not have: a reader takes an array with a dimension's name for its labels.
    private let arrays: Set<String>

    /// - Parameter model: what tells it from the others; nil where it is alone.
    init(method: Method, model: String?) {
        // A slash would make a folder in the archive.
        suffix = model.map { ".\($0.replacing("/", with: "_"))" } ?? ""
        arrays = Set(method.arrays.map(\.name) + ["time", "class"])
    }

    func array(_ name: String) -> String { name + suffix }

    /// The dimensions of an array by name: "frame", then one of each axis, "head" of "heads". A number of values that
    /// have no name of their own is "channel".
    ///
    /// Models have grids and heads of their own, so with several the dimensions carry the model's name too.
    func dimensions(_ axes: [String]) -> [String] {
        ["frame"]
            + axes.enumerated().map { index, axis in
                let name = Self.one(of: axis)
                // Rows of rows: "row", "row_2".
                let number = axes[...index].count { $0 == axis }
                return name + (arrays.contains(name) ? "_index" : "") + (number == 1 ? "" : "_\(number)")
                    + suffix
            }
    }

    private static func one(of axis: String) -> String {
        if Int(axis) != nil { return "channel" }
        if axis.hasSuffix("sses") { return String(axis.dropLast(2)) }
        return axis.hasSuffix("s") && !axis.hasSuffix("ss") ? String(axis.dropLast()) : axis
    }
}
