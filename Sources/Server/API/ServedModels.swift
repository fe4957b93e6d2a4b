import Files

/// The models that pages choose from, the first where none is named.
package struct ServedModels: Sendable {
    package let all: [any ServedModel]

    /// - Precondition: there is one, and no two have one name.
    package init(_ all: [any ServedModel]) {
        precondition(
            !all.isEmpty && Set(all.map(\.name)).count == all.count, "models are told apart by their names")
        self.all = all
    }

    /// - Throws: `HTTPProblem`: 404.
    func model(_ name: String?) throws(HTTPProblem) -> any ServedModel {
        guard let name else { return all[0] }
        guard let model = all.first(where: { $0.name == name }) else {
            throw HTTPProblem(.notFound, "there is no model of that name here")
        }
        return model
    }
}
