/// Comma-separated values (RFC 4180, but lines end as Unix ends them).
enum CommaSeparated {
    /// A line; the fields that need it are quoted.
    static func line(_ fields: [String]) -> String {
        fields.map { field in
            field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline })
                ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
        }.joined(separator: ",") + "\n"
    }
}
