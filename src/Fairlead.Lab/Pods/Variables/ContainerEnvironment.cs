using System.Collections.Immutable;
using System.Text;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods.Variables;

/// <summary>The variables, command and arguments that a container starts with.</summary>
/// <param name="Variables">Name and value, sorted by name.</param>
/// <param name="Command">The command with <c>$(VAR)</c> filled in.</param>
/// <param name="Args">The arguments with <c>$(VAR)</c> filled in.</param>
internal sealed record ContainerEnvironment(
    ImmutableSortedDictionary<string, string> Variables, ImmutableArray<string> Command, ImmutableArray<string> Args)
{
    /// <summary>Kubelet's <c>makeEnvironmentVariables</c>: Services, then <c>envFrom</c>, then <c>env</c>; the later wins.</summary>
    public static Outcome<ContainerEnvironment> Compile(
        Pod pod, Container container, PodInputs inputs, PodAddresses addresses, IReadOnlyDictionary<string, string> nodeResources)
    {
        var ns = pod.Metadata.Namespace;
        var services = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in ServiceVariables.For(ns, pod.Spec.EnableServiceLinks ?? true, inputs.Services.Values))
        {
            services[name] = value;
        }

        var result = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var source in container.EnvFrom)
        {
            if (TakeAll(source, ns, inputs, result) is { } fault)
            {
                return Outcome<ContainerEnvironment>.Failed(fault);
            }
        }

        // A variable may use the ones before it in this list, and Services; not what envFrom brought, as in kubelet's two maps.
        var earlier = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var variable in container.Env)
        {
            var (value, fault) = ValueOf(variable, pod, container, inputs, addresses, nodeResources, Lookup);
            if (fault is not null)
            {
                return Outcome<ContainerEnvironment>.Failed(fault);
            }

            if (value is not null)
            {
                result[variable.Name] = earlier[variable.Name] = value;
            }
        }

        foreach (var (name, value) in services)
        {
            result.TryAdd(name, value);
        }

        return new ContainerEnvironment(result.ToImmutable(), Fill(container.Command), Fill(container.Args));

        string? Lookup(string name) => earlier.GetValueOrDefault(name) ?? services.GetValueOrDefault(name);

        ImmutableArray<string> Fill(IEnumerable<string> words)
            => [.. words.Select(w => VariableExpansion.Expand(w, name => result.TryGetValue(name, out var value) ? value : null))];
    }

    private static string? TakeAll(EnvFromSource source, string ns, PodInputs inputs, ImmutableSortedDictionary<string, string>.Builder result)
    {
        if (source.ConfigMapRef is { } mapRef)
        {
            if (!inputs.ConfigMaps.TryGetValue(new ObjectKey(ns, mapRef.Name), out var map))
            {
                return mapRef.Optional == true ? null : $"configmap \"{mapRef.Name}\" not found";
            }

            foreach (var (key, value) in map.Data)
            {
                result[source.Prefix + key] = value;
            }
        }
        else if (source.SecretRef is { } secretRef)
        {
            if (!inputs.Secrets.TryGetValue(new ObjectKey(ns, secretRef.Name), out var secret))
            {
                return secretRef.Optional == true ? null : $"secret \"{secretRef.Name}\" not found";
            }

            foreach (var (key, value) in secret.Data)
            {
                result[source.Prefix + key] = Encoding.UTF8.GetString(Convert.FromBase64String(value));
            }
        }

        return null;
    }

    private static Outcome<string> ValueOf(
        EnvVar variable, Pod pod, Container container, PodInputs inputs, PodAddresses addresses,
        IReadOnlyDictionary<string, string> nodeResources, Func<string, string?> lookup)
    {
        var ns = pod.Metadata.Namespace;
        return variable.ValueFrom switch
        {
            null => VariableExpansion.Expand(variable.Value ?? "", lookup),
            { FieldRef: { } field } => PodFields.Find(pod, addresses, field.FieldPath) is { } value
                ? value
                : Outcome<string>.Failed($"unsupported fieldPath: {field.FieldPath}"),
            { ResourceFieldRef: { } resource } => ResourceOf(resource, pod, container, nodeResources),
            { ConfigMapKeyRef: { } key } => FromKey(
                key, "configmap", "ConfigMap", ns, inputs.ConfigMaps.TryGetValue(new ObjectKey(ns, key.Name), out var map), map?.Data.Find(key.Key)),
            { SecretKeyRef: { } key } => FromKey(
                key, "secret", "Secret", ns, inputs.Secrets.TryGetValue(new ObjectKey(ns, key.Name), out var secret),
                secret?.Data.Find(key.Key) is { } base64 ? Encoding.UTF8.GetString(Convert.FromBase64String(base64)) : null),
            _ => Outcome<string>.Failed($"env {variable.Name}: this kind of valueFrom is not supported by the lab"),
        };
    }

    private static Outcome<string> ResourceOf(ResourceFieldSelector selector, Pod pod, Container container, IReadOnlyDictionary<string, string> nodeResources)
    {
        var of = string.IsNullOrEmpty(selector.ContainerName) ? container : pod.Spec.Containers.FirstOrDefault(c => c.Name == selector.ContainerName);
        return of is not null && PodFields.FindResource(of, selector.Resource, selector.Divisor, nodeResources) is { } value
            ? value
            : Outcome<string>.Failed($"unsupported container resource : {selector.Resource}");
    }

    private static Outcome<string> FromKey(KeySelector key, string kind, string title, string ns, bool found, string? value)
        => value is not null ? value
            : key.Optional == true ? default
            : Outcome<string>.Failed(found ? $"couldn't find key {key.Key} in {title} {ns}/{key.Name}" : $"{kind} \"{key.Name}\" not found");
}
