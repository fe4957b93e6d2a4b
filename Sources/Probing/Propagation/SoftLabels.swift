import Pixels

/// How much each patch belongs to each class, of which 0 is the background. A patch's shares sum to 1.
package struct SoftLabels: Sendable, Equatable {
    package let rows: Int
    package let columns: Int
    package let classes: Int
    /// `rows · columns × classes`.
    package let values: [Float]

    /// - Precondition: `values.count == rows * columns * classes`.
    package init(rows: Int, columns: Int, classes: Int, values: [Float]) {
        precondition(values.count == rows * columns * classes, "each patch has a share of each class")
        self.rows = rows
        self.columns = columns
        self.classes = classes
        self.values = values
    }

    /// Whole patches.
    ///
    /// - Precondition: every number is below `classes`.
    package init(oneHot mask: IndexMask, classes: Int) {
        precondition(mask.largestIndex < classes, "there is a class for each number")
        var values = [Float](repeating: 0, count: mask.indices.count * classes)
        for (patch, label) in mask.indices.enumerated() { values[patch * classes + Int(label)] = 1 }
        self.init(rows: mask.height, columns: mask.width, classes: classes, values: values)
    }

    /// The shares of one class, `rows × columns`.
    package func plane(_ label: Int) -> Plane {
        Plane(
            height: rows, width: columns,
            values: stride(from: label, to: values.count, by: classes).map { values[$0] })
    }
}
